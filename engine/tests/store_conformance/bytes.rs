//! Bytes that a file takes for each kept lifecycle with all its evidence: fresh, and after its
//! challenge was pruned.
//!
//! `COUNTERSIGN_USERS=1000 cargo test --test store_conformance bytes -- --nocapture` prints them
//! for 1,000 users, with the tables and indexes that take them.

use std::path::Path;

use countersign_core::action::{Action, ActionContext, ActionState};
use countersign_core::challenge::{Challenge, Ended, Shown};
use countersign_core::change::{Change, CommitId, Version, Write};
use countersign_core::display::DisplayText;
use countersign_core::id::{AccountKey, AuthenticatorId, ChallengeId, IdempotencyKey};
use countersign_core::nonce::Nonce;
use countersign_core::outcome::Outcome;
use countersign_core::text::Line;
use countersign_core::time::UnixMillis;
use countersign_engine::ports::Store;
use countersign_engine::ports::store::Committed;
use countersign_engine::store::SqliteStore;
use countersign_testkit::records::*;
use rusqlite::Connection;

/// Number of kept lifecycles of each user.
const EACH: u64 = 60;
const USERS: u64 = 50;
/// Largest number of bytes for a kept lifecycle, fresh and after its challenge was pruned.
const BYTES_MAX: [u64; 2] = [350, 180];

const AGENT: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 \
                     (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";

/// Bytes without a pattern.
fn noise<const N: usize>(seed: u64) -> [u8; N] {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    std::array::from_fn(|_| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    })
}

/// Returns a sign-in that the user has approved, as a server records it.
fn approved(account: &AccountKey, n: u64) -> (Action, Challenge) {
    let seed = n * 8;
    let tracked = UnixMillis(1_795_930_123_456 + n * 977);
    let (issued, decided) = (tracked.plus_ms(700), tracked.plus_ms(8_950));
    let by = AuthenticatorId::from_entropy(noise(seed));
    let display = format!(
        "{{\"action\":\"signIn\",\"browser\":\"Chrome on Windows\",\"ipAddress\":\"198.51.100.7\",\
         \"issuedAt\":{},\"requester\":\"demo\",\"userAgent\":\"{AGENT}\"}}",
        issued.seconds()
    );
    let display = DisplayText::new(&display).unwrap();
    let mut action = Action {
        state: ActionState::ChallengeSucceeded,
        context: ActionContext {
            ip_address: line("198.51.100.7"),
            user_agent: Some(Line::parse(AGENT, 512).unwrap()),
            ..ActionContext::default()
        },
        state_updated_at: decided,
        decided_by: Some(by.clone()),
        approved: Some(display.clone()),
        revision: n,
        ..action(account, "one", tracked.0)
    };
    action.key.idempotency_key = IdempotencyKey::from_entropy(noise(seed + 1));
    let challenge = Challenge {
        id: ChallengeId::from_entropy(&noise(seed + 2)),
        action: action.key.clone(),
        targets: vec![by.clone()],
        expires_at: issued.plus_ms(300_000),
        number: None,
        shown: Some(Shown { nonce: Nonce::from_entropy(&noise(seed + 3)), display }),
        ended: Some(Ended {
            outcome: Outcome::Approved,
            at: decided,
            by: Some(by),
            signature: Some(noise::<64>(seed + 4).to_vec()),
        }),
        ..challenge(account, 1, issued.0)
    };
    (action, challenge)
}

/// Returns the bytes of each table and index.
fn used(path: &Path) -> Vec<(String, u64)> {
    let connection = Connection::open(path).unwrap();
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    let sql = "SELECT name, sum(pgsize) FROM dbstat GROUP BY name ORDER BY sum(pgsize) DESC";
    let mut statement = connection.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?))).unwrap();
    rows.map(Result::unwrap).map(|(name, bytes)| (name, bytes.cast_unsigned())).collect()
}

#[tokio::test]
async fn a_kept_lifecycle_takes_few_bytes() {
    let users = std::env::var("COUNTERSIGN_USERS").map_or(USERS, |users| users.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let who = |n| user(&format!("user-{n}"));
    let store = SqliteStore::open(&path).unwrap();
    for n in 0..users {
        let writes = [Write::Account(record()), Write::Device(device(&who(n), 1).into())];
        recorded(&store, &who(n), 0, writes).await;
    }
    store.close().await.unwrap();
    let total = |used: &[(String, u64)]| used.iter().map(|(_, bytes)| bytes).sum::<u64>();
    let before = total(&used(&path));
    let store = SqliteStore::open(&path).unwrap();
    for round in 0..EACH {
        let commits: Vec<_> = (0..users)
            .map(|n| {
                let (action, challenge) = approved(&who(n), round * users + n);
                let writes = [Write::Action(action.into()), Write::Challenge(challenge.into())];
                let commit = |round: u64| CommitId(if round == 0 { 0 } else { !round });
                let (parent, id) = (commit(round), commit(round + 1));
                let parent = Version { number: round + 1, commit: parent };
                store.commit(Change { parent, id, ..unit(&who(n), 0, writes) })
            })
            .collect();
        for commit in commits {
            assert_eq!(commit.await, Ok(Committed::Recorded));
        }
    }
    store.close().await.unwrap();
    let kept = users * EACH;
    let fresh = used(&path);
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(store.prune(UnixMillis(0), UnixMillis(u64::MAX)).await, Ok(kept));
    store.close().await.unwrap();
    let later = used(&path);
    println!("{kept} lifecycles: fresh {fresh:?}, later {later:?}");
    for (used, max) in std::iter::zip([fresh, later], BYTES_MAX) {
        let bytes = (total(&used) - before) / kept;
        println!("{bytes} bytes a lifecycle");
        assert!(bytes <= max, "{bytes}: {used:?}");
    }
}
