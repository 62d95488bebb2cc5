//! Records whose retention is over, and which stay in Redis until their bucket expires.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use countersign_core::action::Action;
use countersign_core::challenge::Challenge;
use countersign_core::time::UnixMillis;

use super::super::keys::{Bucket, Names};
use super::super::live;
use super::super::reply::bytes;
use super::super::settings::RedisSettings;
use super::super::trouble::Trouble;
use super::names::Key;
use super::scan::{ACCOUNT_KEYS, keys_from};
use super::{Reader, of};

/// Pause between two pages of a walk over all accounts, because nobody waits for its end.
const PAUSE: Duration = Duration::from_millis(20);

/// Times before which records are hidden. They never fall.
pub(in crate::store::redis) struct Old {
    action_retention_ms: u64,
    challenge_retention_ms: u64,
    /// The latest time that the server has recorded.
    now: AtomicU64,
    /// Times of the latest pruning.
    actions: AtomicU64,
    challenges: AtomicU64,
}

impl Old {
    pub(in crate::store::redis) fn new(settings: &RedisSettings) -> Self {
        let &RedisSettings { action_retention_ms, challenge_retention_ms, .. } = settings;
        let (now, actions, challenges) = Default::default();
        Self { action_retention_ms, challenge_retention_ms, now, actions, challenges }
    }

    /// Notes the time, which the server records every few seconds.
    pub(in crate::store::redis) fn note(&self, now: UnixMillis) {
        self.now.fetch_max(now.0, Ordering::AcqRel);
    }

    /// Hides actions that were tracked before the first time, and challenges that ended before the
    /// second. Redis removes them later, with their bucket.
    pub(in crate::store::redis) fn raise(&self, actions: UnixMillis, challenges: UnixMillis) {
        self.actions.fetch_max(actions.0, Ordering::AcqRel);
        self.challenges.fetch_max(challenges.0, Ordering::AcqRel);
    }

    /// Returns the time before which actions are hidden, unless a challenge of them is open.
    pub(in crate::store::redis) fn actions_before(&self) -> UnixMillis {
        self.limit(&self.actions, self.action_retention_ms)
    }

    fn limit(&self, pruned: &AtomicU64, retention_ms: u64) -> UnixMillis {
        let over = self.now.load(Ordering::Acquire).saturating_sub(retention_ms);
        UnixMillis(over.max(pruned.load(Ordering::Acquire)))
    }

    /// Tells whether an action without an open challenge is hidden.
    pub(super) fn has_action(&self, action: &Action) -> bool {
        action.created_at < self.actions_before()
    }

    pub(super) fn has_challenge(&self, challenge: &Challenge) -> bool {
        let before = self.limit(&self.challenges, self.challenge_retention_ms);
        challenge.ended.as_ref().is_some_and(|ended| ended.at < before)
    }
}

/// Finds the accounts with lifecycles under way of earlier buckets that have no open challenge. No
/// expiry removes these.
pub(in crate::store::redis) async fn left_behind(
    reader: Reader,
    before: Bucket,
) -> Result<Vec<Names>, Trouble> {
    let (mut found, mut place) = (Vec::new(), Some("0".to_owned()));
    while let Some(at) = place {
        let (keys, next) = keys_from(&reader, &at, ACCOUNT_KEYS).await?;
        let names = keys.iter().filter_map(|key| match Key::of(key)? {
            Key::Account(names) => Some(names),
            Key::Cases(..) | Key::Left(..) | Key::Event(_) | Key::Other => None,
        });
        let names: Vec<_> = names.collect();
        let asked = names.iter().map(|names| of("HGET", names.account()).arg("l").clone());
        for (value, names) in reader.ask_all(asked.collect()).await?.into_iter().zip(&names) {
            let field = bytes(value)?.unwrap_or_default();
            // A damaged field is reported to the callers that need it.
            let live = live::lifecycles(&field).unwrap_or_default();
            if live.iter().any(|one| one.open.is_empty() && one.bucket.0 < before.0) {
                found.push(*names);
            }
        }
        place = next;
        tokio::time::sleep(PAUSE).await;
    }
    Ok(found)
}
