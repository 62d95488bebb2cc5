//! A store with many devices and pending challenges: how soon a start answers, what it holds in
//! memory, and what a lifecycle costs beside it.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

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
use tokio::time::Instant;

use crate::caller::Caller;
use crate::life::Life;
use crate::number;
use crate::server::{SECRET, Server, TENANT};

/// Users, each with a device and a pending challenge; `COUNTERSIGN_SEEDED` says how many otherwise.
const SEEDED: u64 = 50_000;
/// Few enough to be nothing.
const FEW: u64 = 1000;
/// Lifecycles whose cost is measured.
const LIVES: usize = 200;

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
    let account = AccountKey { tenant, user: UserId::parse(&format!("seeded-{n}")).unwrap() };
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
    };
    let challenge = Challenge {
        id: ChallengeId::from_entropy(&bytes(n)),
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
    [
        Record::Account(account, AccountRecord { created_at: now, profile, counters }),
        Record::Device(device),
        Record::Action(tracked),
        Record::Challenge(challenge),
    ]
}

fn seed(folder: &Path, users: u64) -> Duration {
    let stream = folder.join("stream");
    let mut writer = Writer::new(BufWriter::new(File::create(&stream).unwrap())).unwrap();
    for n in 0..users {
        records(n).iter().for_each(|record| writer.write(record).unwrap());
    }
    writer.finish().unwrap();
    let began = Instant::now();
    let imported = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(["store", "import"])
        .arg(&stream)
        .env_clear()
        .env("COUNTERSIGN_TENANT_ID", TENANT)
        .env("COUNTERSIGN_SECRET_KEY", SECRET)
        .env("COUNTERSIGN_STORE", format!("sqlite:{}", folder.join("store").display()))
        .env("COUNTERSIGN__SERVER__DATA_DIR", folder)
        .status();
    assert!(imported.unwrap().success());
    began.elapsed()
}

/// What a start on so many users is like.
struct Measured {
    imported: Duration,
    first_answer: Duration,
    resident_bytes: u64,
    lifecycle: Duration,
}

async fn measure(users: u64) -> Measured {
    let folder = tempfile::tempdir().unwrap();
    let imported = seed(folder.path(), users);
    let began = Instant::now();
    let server = Server::start(folder.path()).await;
    let caller = Caller::new(server.url(), None);
    // The last of all is there, with its phone, and can be asked anew.
    let user = format!("seeded-{}", users - 1);
    assert_eq!(caller.authenticators(&user).await.unwrap().len(), 1);
    let token = caller.track(&user).await.unwrap().token.into_string();
    let first_answer = began.elapsed();
    let pending = ChallengeId::from_entropy(&bytes(users - 1));
    let stands = caller.verify(&token, pending.as_str(), None).await.unwrap();
    assert!(stands.outcome.is_none(), "it is pending as it was");
    let mut lives: Vec<_> = (0..LIVES).map(|number| Life::new(1, number)).collect();
    let began = Instant::now();
    for life in &mut lives {
        life.live(&caller).await;
    }
    let lifecycle = began.elapsed() / u32::try_from(LIVES).unwrap();
    let resident_bytes = server.resident_bytes();
    Measured { imported, first_answer, resident_bytes, lifecycle }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_store_answers_soon_and_says_what_it_costs_beside_a_small_one() {
    let users = number("COUNTERSIGN_SEEDED").unwrap_or(SEEDED);
    let (few, many) = (measure(FEW).await, measure(users).await);
    for (users, it) in [(FEW, &few), (users, &many)] {
        println!(
            "{users} devices and challenges: imported in {:?}, first answer after {:?}, \
             {} MiB resident, {:?} a lifecycle",
            it.imported,
            it.first_answer,
            it.resident_bytes >> 20,
            it.lifecycle
        );
    }
    assert!(many.first_answer < Duration::from_secs(3), "{:?}", many.first_answer);
    assert!(many.resident_bytes < 2_500 << 20);
}
