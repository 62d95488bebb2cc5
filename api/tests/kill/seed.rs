//! Writer of a file with many users, in the format of `countersign store export`. Each user has a
//! device, an action and a pending challenge.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use countersign_core::account::{AccountRecord, Profile};
use countersign_core::challenge::Challenge;
use countersign_core::fatigue::Counters;
use countersign_core::id::{AccountKey, AuthenticatorId, ChallengeId, TenantId, UserId};
use countersign_engine::ports::Clock as _;
use countersign_engine::ports::store::Record;
use countersign_engine::store::stream::Writer;
use countersign_engine::system::SystemClock;
use countersign_testkit::phone::Phone;
use countersign_testkit::sample;

use crate::server::TENANT;

/// Returns the id of a user.
pub(crate) fn user(n: u64) -> String {
    format!("seeded-{n}")
}

/// Returns the id of a user's challenge.
pub(crate) fn challenge(n: u64) -> ChallengeId {
    ChallengeId::from_entropy(&bytes(n))
}

/// Writes the file with this number of users.
pub(crate) fn write(file: &Path, users: u64) {
    let mut writer = Writer::new(BufWriter::new(File::create(file).unwrap())).unwrap();
    for n in 0..users {
        records(n).iter().for_each(|record| writer.write(record).unwrap());
    }
    writer.finish().unwrap();
}

fn bytes<const N: usize>(n: u64) -> [u8; N] {
    let mut bytes = [0; N];
    bytes[..8].copy_from_slice(&n.to_be_bytes());
    bytes
}

/// Makes the records of one user.
fn records(n: u64) -> [Record; 4] {
    let now = SystemClock.now();
    let tenant = TenantId::parse(TENANT).unwrap();
    let account = AccountKey { tenant, user: UserId::parse(&user(n)).unwrap() };
    let key = sample::action_key("signIn", "k-1");
    let id = AuthenticatorId::from_entropy(bytes(n));
    let device = sample::device(&account, id.clone(), Phone::of(n).public, now);
    let tracked = sample::action(&account, key.clone(), now);
    let challenge = Challenge {
        id: challenge(n),
        targets: vec![id],
        expires_at: now.plus_ms(3_600_000),
        ..sample::challenge(&account, key, now)
    };
    let (profile, counters) = (Profile::default(), Counters::default());
    let tickets = Vec::new();
    [
        Record::Account(account, AccountRecord { created_at: now, profile, counters, tickets }),
        Record::Device(device),
        Record::Action(tracked),
        Record::Challenge(challenge),
    ]
}
