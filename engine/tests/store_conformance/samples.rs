//! Sample records, and the shorthand that the tests are written in.

use countersign_core::account::{AccountRecord, Profile};
use countersign_core::action::{Action, ActionContext, ActionState};
use countersign_core::challenge::{Challenge, Ended, Shown};
use countersign_core::change::{Change, Write};
use countersign_core::device::{Device, Platform, PushToken, Signing};
use countersign_core::display::DisplayText;
use countersign_core::fatigue::Counters;
use countersign_core::id::{
    AccountKey, ActionCode, ActionKey, AuthenticatorId, ChallengeId, IdempotencyKey, TenantId,
    UserId,
};
use countersign_core::nonce::Nonce;
use countersign_core::number_match::{AskedNumber, Number};
use countersign_core::outcome::Outcome;
use countersign_core::signature::{Algorithm, PublicKey};
use countersign_core::text::Line;
use countersign_core::time::UnixMillis;
use countersign_engine::ports::Store;
use countersign_engine::ports::store::{ActionQuery, Committed, UserQuery};

pub(crate) fn tenant() -> TenantId {
    TenantId::parse("demo").unwrap()
}

pub(crate) fn user(name: &str) -> AccountKey {
    AccountKey { tenant: tenant(), user: UserId::parse(name).unwrap() }
}

pub(crate) fn line(text: &str) -> Option<Line> {
    Some(Line::parse(text, 256).unwrap())
}

pub(crate) fn record() -> AccountRecord {
    let profile = Profile {
        email: line("ann@example.com"),
        email_verified: true,
        custom: Some(r#"{"plan":"gold"}"#.into()),
        ..Profile::default()
    };
    let prompts = vec![UnixMillis(1_000), UnixMillis(2_000)];
    let counters = Counters { prompts, numbers: 3, ..Counters::default() };
    AccountRecord { created_at: UnixMillis(1_000), profile, counters, tickets: Vec::new() }
}

pub(crate) fn with_profile(profile: Profile) -> AccountRecord {
    AccountRecord { profile, ..record() }
}

pub(crate) fn key(seed: u8) -> PublicKey {
    let prefix = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    let signer = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]);
    let spki = [&prefix[..], signer.verifying_key().as_bytes()].concat();
    PublicKey::from_spki(Algorithm::Ed25519, &spki).unwrap()
}

/// A device whose id follows from `n`; its key is that of seed 7.
pub(crate) fn device(account: &AccountKey, n: u8) -> Device {
    Device {
        id: AuthenticatorId::from_entropy([n; 16]),
        account: account.clone(),
        key: key(7),
        signing: Signing::StatementV1,
        confirmed: true,
        name: line("Ann's phone"),
        platform: Some(Platform::Android),
        push_token: Some(PushToken::new("token-of-the-provider")),
        created_at: UnixMillis(2_000 + u64::from(n)),
        verified_at: UnixMillis(3_000),
        last_verified_at: None,
    }
}

pub(crate) fn action_key(code: &str, idempotency_key: &str) -> ActionKey {
    ActionKey {
        code: ActionCode::parse(code).unwrap(),
        idempotency_key: IdempotencyKey::parse(idempotency_key).unwrap(),
    }
}

pub(crate) fn action(account: &AccountKey, instance: &str, at: u64) -> Action {
    Action {
        account: account.clone(),
        key: action_key("signIn", instance),
        state: ActionState::ChallengeRequired,
        context: ActionContext { ip_address: line("203.0.113.7"), ..ActionContext::default() },
        created_at: UnixMillis(at),
        state_updated_at: UnixMillis(at),
        decided_by: None,
        approved: None,
        revision: 0,
    }
}

pub(crate) fn challenge_id(n: u8) -> ChallengeId {
    ChallengeId::from_entropy(&[n; 24])
}

/// A challenge issued at `at` that can be answered for 300 ms.
pub(crate) fn challenge(account: &AccountKey, n: u8, at: u64) -> Challenge {
    Challenge {
        id: challenge_id(n),
        account: account.clone(),
        action: action_key("signIn", "one"),
        targets: vec![AuthenticatorId::from_entropy([1; 16])],
        issued_at: UnixMillis(at),
        expires_at: UnixMillis(at + 300),
        held: false,
        notifications: 0,
        ended: None,
        number: Some(AskedNumber { number: Number::restore("042"), tries: 2 }),
        shown: Some(Shown {
            nonce: Nonce::from_entropy(&[n; 32]),
            display: DisplayText::new("{\"action\":\"signIn\"}").unwrap(),
        }),
    }
}

pub(crate) fn ended(challenge: &Challenge, outcome: Outcome, at: u64) -> Challenge {
    let ended = Ended {
        outcome,
        at: UnixMillis(at),
        by: Some(AuthenticatorId::from_entropy([1; 16])),
        signature: Some(vec![0xa5; 64]),
    };
    Challenge { ended: Some(ended), ..challenge.clone() }
}

pub(crate) fn unit<const N: usize>(
    account: &AccountKey,
    expected: u64,
    writes: [Write; N],
) -> Change {
    Change { account: account.clone(), expected, writes: writes.into() }
}

/// Commits a unit that must be recorded.
pub(crate) async fn recorded<const N: usize>(
    store: &impl Store,
    account: &AccountKey,
    expected: u64,
    writes: [Write; N],
) {
    let committed = store.commit(unit(account, expected, writes)).await;
    assert_eq!(committed, Ok(Committed::Recorded));
}

pub(crate) fn all_users() -> UserQuery {
    UserQuery { limit: 100, ..UserQuery::default() }
}

pub(crate) fn all_actions() -> ActionQuery {
    ActionQuery { from: UnixMillis(0), codes: Vec::new(), state: None, limit: 100 }
}
