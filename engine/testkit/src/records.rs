//! Sample records with every field set, and short helpers for the test suites of stores.

use countersign_core::account::{AccountRecord, Profile};
use countersign_core::action::{Action, ActionContext};
use countersign_core::challenge::{Challenge, Ended, Shown};
use countersign_core::change::{Change, CommitId, Version, Write};
use countersign_core::device::{Device, Platform, PushToken};
use countersign_core::display::DisplayText;
use countersign_core::fatigue::Counters;
use countersign_core::id::{AccountKey, AuthenticatorId, ChallengeId};
use countersign_core::nonce::Nonce;
use countersign_core::number_match::{AskedNumber, Number};
use countersign_core::outcome::Outcome;
use countersign_core::text::Line;
use countersign_core::time::UnixMillis;
use countersign_engine::ports::Store;
use countersign_engine::ports::store::{ActionQuery, Committed, UserQuery};

use crate::sample;
pub use crate::sample::{account as user, action_key, key, tenant};

pub fn line(text: &str) -> Option<Line> {
    Some(Line::parse(text, 256).unwrap())
}

pub fn record() -> AccountRecord {
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

pub fn with_profile(profile: Profile) -> AccountRecord {
    AccountRecord { profile, ..record() }
}

/// Makes a device whose id is derived from `n`. Its key is that of seed 7.
pub fn device(account: &AccountKey, n: u8) -> Device {
    let id = AuthenticatorId::from_entropy([n; 16]);
    Device {
        name: line("Ann's phone"),
        platform: Some(Platform::Android),
        push_token: Some(PushToken::new("token-of-the-provider")),
        created_at: UnixMillis(2_000 + u64::from(n)),
        ..sample::device(account, id, key(7), UnixMillis(3_000))
    }
}

pub fn action(account: &AccountKey, instance: &str, at: u64) -> Action {
    Action {
        context: ActionContext { ip_address: line("203.0.113.7"), ..ActionContext::default() },
        ..sample::action(account, action_key("signIn", instance), UnixMillis(at))
    }
}

pub fn challenge_id(n: u8) -> ChallengeId {
    ChallengeId::from_entropy(&[n; 24])
}

/// Makes a challenge that is issued at `at` and expires 300 ms later.
pub fn challenge(account: &AccountKey, n: u8, at: u64) -> Challenge {
    Challenge {
        id: challenge_id(n),
        targets: vec![AuthenticatorId::from_entropy([1; 16])],
        expires_at: UnixMillis(at + 300),
        number: Some(AskedNumber { number: Number::restore("042"), tries: 2 }),
        shown: Some(Shown {
            nonce: Nonce::from_entropy(&[n; 32]),
            display: DisplayText::new("{\"action\":\"signIn\"}").unwrap(),
        }),
        ..sample::challenge(account, action_key("signIn", "one"), UnixMillis(at))
    }
}

pub fn ended(challenge: &Challenge, outcome: Outcome, at: u64) -> Challenge {
    let ended = Ended {
        outcome,
        at: UnixMillis(at),
        by: Some(AuthenticatorId::from_entropy([1; 16])),
        signature: Some(vec![0xa5; 64]),
    };
    Challenge { ended: Some(ended), ..challenge.clone() }
}

/// Returns the version with this number of an account whose commits have no names.
pub const fn version(number: u64) -> Version {
    Version { number, commit: CommitId::NONE }
}

/// Returns the answer to a commit whose parent is not the recorded version, `number`.
pub const fn stale(number: u64) -> Committed {
    Committed::Stale { recorded: version(number) }
}

/// Makes a change of the account's version `parent`.
pub fn unit(account: &AccountKey, parent: u64, writes: impl Into<Vec<Write>>) -> Change {
    let (account, parent) = (account.clone(), version(parent));
    Change { account, parent, id: CommitId::NONE, writes: writes.into() }
}

/// Commits a unit, and checks that it is recorded.
pub async fn recorded<const N: usize>(
    store: &impl Store,
    account: &AccountKey,
    parent: u64,
    writes: [Write; N],
) {
    let committed = store.commit(unit(account, parent, writes)).await;
    assert_eq!(committed, Ok(Committed::Recorded));
}

pub fn all_users() -> UserQuery {
    UserQuery { limit: 100, ..UserQuery::default() }
}

pub fn all_actions() -> ActionQuery {
    ActionQuery { from: UnixMillis(0), codes: Vec::new(), state: None, limit: 100 }
}
