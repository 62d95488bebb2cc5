//! A file of many users, as `countersign store export` writes it: each with a device, an action and
//! a pending challenge.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use countersign_core::account::{AccountRecord, Profile};
use countersign_core::action::{Action, ActionContext, ActionState};
use countersign_core::challenge::Challenge;
use countersign_core::device::{Device, Signing};
use countersign_core::fatigue::Counters;
use countersign_core::id::{
    AccountKey, ActionCode, ActionKey, AuthenticatorId, ChallengeId, IdempotencyKey, TenantId,
    UserId,
};
use countersign_core::signature::{Algorithm, PublicKey};
use countersign_engine::ports::Clock as _;
use countersign_engine::ports::store::Record;
use countersign_engine::store::stream::Writer;
use countersign_engine::system::SystemClock;
use ed25519_dalek::SigningKey;

use crate::server::TENANT;

/// The name of a user.
pub(crate) fn user(n: u64) -> String {
    format!("seeded-{n}")
}

/// The id of a user's challenge.
pub(crate) fn challenge(n: u64) -> ChallengeId {
    ChallengeId::from_entropy(&bytes(n))
}

/// Writes the file.
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

fn key(n: u64) -> PublicKey {
    let signer = SigningKey::from_bytes(&bytes(n));
    let mut spki = vec![0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    spki.extend(signer.verifying_key().as_bytes());
    PublicKey::from_spki(Algorithm::Ed25519, &spki).unwrap()
}

/// One user's records.
fn records(n: u64) -> [Record; 4] {
    let now = SystemClock.now();
    let tenant = TenantId::parse(TENANT).unwrap();
    let account = AccountKey { tenant, user: UserId::parse(&user(n)).unwrap() };
    let action = ActionKey {
        code: ActionCode::parse("signIn").unwrap(),
        idempotency_key: IdempotencyKey::parse("k-1").unwrap(),
    };
    let id = AuthenticatorId::from_entropy(bytes(n));
    let (profile, counters) = (Profile::default(), Counters::default());
    let device = Device {
        id: id.clone(),
        account: account.clone(),
        key: key(n),
        signing: Signing::StatementV1,
        confirmed: true,
        name: None,
        platform: None,
        push_token: None,
        created_at: now,
        verified_at: now,
        last_verified_at: None,
    };
    let tracked = Action {
        account: account.clone(),
        key: action.clone(),
        state: ActionState::ChallengeRequired,
        context: ActionContext::default(),
        created_at: now,
        state_updated_at: now,
        decided_by: None,
        approved: None,
        revision: 0,
    };
    let challenge = Challenge {
        id: challenge(n),
        account: account.clone(),
        action,
        targets: vec![id],
        issued_at: now,
        expires_at: now.plus_ms(3_600_000),
        held: false,
        notifications: 0,
        ended: None,
        number: None,
        shown: None,
    };
    let tickets = Vec::new();
    [
        Record::Account(account, AccountRecord { created_at: now, profile, counters, tickets }),
        Record::Device(device),
        Record::Action(tracked),
        Record::Challenge(challenge),
    ]
}
