//! Records that were pruned, and stay in Redis until their bucket expires.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use countersign_core::action::Action;
use countersign_core::challenge::Challenge;
use countersign_core::time::UnixMillis;

use super::super::keys::{Bucket, Names};
use super::super::live;
use super::super::reply::bytes;
use super::super::trouble::Trouble;
use super::names::Key;
use super::scan::{ACCOUNT_KEYS, keys_from};
use super::{Reader, of};

/// Pause between two pages of a walk over all accounts, because nobody waits for its end.
const PAUSE: Duration = Duration::from_millis(20);

/// Times of the latest pruning, which never fall.
#[derive(Default)]
pub(super) struct Old {
    actions: AtomicU64,
    challenges: AtomicU64,
}

impl Old {
    pub(super) fn raise(&self, actions: UnixMillis, challenges: UnixMillis) {
        self.actions.fetch_max(actions.0, Ordering::AcqRel);
        self.challenges.fetch_max(challenges.0, Ordering::AcqRel);
    }

    pub(super) fn has_action(&self, action: &Action) -> bool {
        action.created_at.0 < self.actions.load(Ordering::Acquire)
    }

    pub(super) fn has_challenge(&self, challenge: &Challenge) -> bool {
        let before = self.challenges.load(Ordering::Acquire);
        challenge.ended.as_ref().is_some_and(|ended| ended.at.0 < before)
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
