//! Periodic work: stops idle actors, ends overdue challenges, prunes old records, tries a store
//! that refuses to record, and measures its free room.

use std::sync::Arc;
use std::time::Duration;

use countersign_core::challenge::Challenge;
use countersign_core::outcome::Outcome;
use countersign_core::policy::Limits;
use countersign_core::time::UnixMillis;
use futures_util::{StreamExt as _, stream};

use super::clock_gap::ClockGap;
use super::{Engine, EngineSettings};
use crate::actors::Shared;
use crate::error::Error;
use crate::ports::Ports;

/// Interval between sweeps for idle actors.
const SWEEP: Duration = Duration::from_secs(10);
/// Interval between searches for overdue challenges.
const OVERDUE: Duration = Duration::from_secs(5);
/// Maximum number of overdue challenges that are ended in one round.
const OVERDUE_MAX: usize = 1000;
/// Number of overdue challenges that are ended concurrently, so that the store records them in one
/// group.
pub(super) const ENDED_TOGETHER: usize = 64;
/// Maximum time for which a challenge is held, in milliseconds. It is longer than any notification
/// may take, so a challenge that is held for longer was left behind by a process that died before
/// it answered the initiator.
const HELD_MS_MAX: u64 = 15_000;
/// Interval between test writes to a store that refuses to record, so that recovery needs no
/// caller.
const TRY: Duration = Duration::from_secs(1);
/// Interval between measurements of the store's free room.
const ROOM: Duration = Duration::from_secs(5);
/// Interval between prunings of old records.
const PRUNE: Duration = Duration::from_secs(600);

impl Engine {
    pub(super) fn keep_house(&self, settings: &EngineSettings) {
        let (rounds, shared, free_room) = (&self.rounds, &self.shared, self.free_room.clone());
        let &EngineSettings { action_retention_ms, challenge_retention_ms, .. } = settings;
        let mut gap = ClockGap::default();
        rounds.every(SWEEP, shared, |shared| async move {
            shared.accounts.sweep();
            shared.challenges.sweep();
            shared.credentials.sweep();
        });
        rounds.every(OVERDUE, shared, move |shared| {
            gap.look(&*shared.ports.clock);
            look_for_overdue(shared)
        });
        rounds.every(TRY, shared, try_store);
        rounds.every(ROOM, shared, move |shared| {
            let free_room = free_room.clone();
            async move { free_room.look(&*shared.ports.store).await }
        });
        rounds.every(PRUNE, shared, move |shared| {
            prune(shared, action_retention_ms, challenge_retention_ms)
        });
    }
}

/// Makes a test write if the store does not record commits, so that the store can notice its
/// recovery.
async fn try_store(shared: Arc<Shared>) {
    let Ports { store, clock, .. } = &*shared.ports;
    if store.ready().is_err() {
        // The store reports its own refusals.
        let _ = store.observe(clock.now()).await;
    }
}

async fn prune(shared: Arc<Shared>, actions_ms: u64, challenges_ms: u64) {
    let now = shared.ports.clock.now();
    let (actions, challenges) = (now.minus_ms(actions_ms), now.minus_ms(challenges_ms));
    match shared.ports.store.prune(actions, challenges).await {
        Ok(0) => {}
        Ok(records) => tracing::info!(records, "old records forgotten"),
        Err(error) => tracing::warn!(%error, "old records not forgotten"),
    }
}

async fn look_for_overdue(shared: Arc<Shared>) {
    let Ports { store, clock, .. } = &*shared.ports;
    if let Err(error) = store.observe(clock.now()).await {
        tracing::warn!(%error, "the time is not recorded");
    }
    if let Err(error) = end_overdue(&shared).await {
        tracing::warn!(%error, "overdue challenges not ended");
    }
}

async fn end_overdue(shared: &Arc<Shared>) -> Result<(), Error> {
    let now = shared.ports.clock.now();
    let held_since = now.minus_ms(HELD_MS_MAX);
    let overdue = shared.ports.store.overdue(now, held_since, OVERDUE_MAX).await?;
    let ending = overdue.into_iter().filter_map(|challenge| {
        let limits = &shared.tenants.get(&challenge.account.tenant).ok()?.limits;
        let due = due(&challenge, now, limits)?;
        Some(end(shared, challenge, due))
    });
    stream::iter(ending).buffer_unordered(ENDED_TOGETHER).collect::<Vec<_>>().await;
    Ok(())
}

/// The kind of end that the engine itself gives an overdue challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// The challenge expires, if its deadline is over.
    Expiry,
    /// The challenge ends with this outcome, as of this time.
    End(Outcome, UnixMillis),
}

/// Returns the end of a challenge that is overdue at `now`, or `None` if it is not overdue.
fn due(challenge: &Challenge, now: UnixMillis, limits: &Limits) -> Option<Due> {
    if now >= challenge.deadline(limits) {
        return Some(Due::Expiry);
    }
    let is_abandoned = challenge.held && now.ms_since(challenge.issued_at) > HELD_MS_MAX;
    is_abandoned.then_some(Due::End(Outcome::Cancelled, now))
}

/// Ends a challenge, by its account. Returns false if that failed, which is logged.
pub(super) async fn end(shared: &Arc<Shared>, challenge: Challenge, due: Due) -> bool {
    let (id, account) = (challenge.id, challenge.account);
    let ended = shared.account(&account, async move |w| match due {
        Due::Expiry => w.expire(&id).await,
        Due::End(outcome, at) => w.end(&id, outcome, at).await.map(drop),
    });
    let ended = ended.await;
    if let Err(error) = &ended {
        tracing::warn!(%error, "overdue challenge not ended");
    }
    ended.is_ok()
}

#[cfg(test)]
mod tests {
    use countersign_testkit::sample;

    use super::*;

    fn limits() -> Limits {
        Limits { decision_grace_ms: 250, ..Limits::default() }
    }

    fn challenge(held: bool) -> Challenge {
        let key = sample::action_key("signIn", "k");
        Challenge {
            held,
            expires_at: UnixMillis(60_000),
            ..sample::challenge(&sample::account("u"), key, UnixMillis(0))
        }
    }

    #[test]
    fn a_challenge_expires_after_its_grace_and_not_before() {
        let limits = limits();
        assert_eq!(due(&challenge(false), UnixMillis(60_249), &limits), None);
        assert_eq!(due(&challenge(false), UnixMillis(60_250), &limits), Some(Due::Expiry));
    }

    #[test]
    fn a_held_challenge_is_cancelled_once_no_notification_can_be_under_way() {
        let (limits, late) = (limits(), UnixMillis(HELD_MS_MAX + 1));
        assert_eq!(due(&challenge(true), UnixMillis(HELD_MS_MAX), &limits), None);
        let cancelled = Due::End(Outcome::Cancelled, late);
        assert_eq!(due(&challenge(true), late, &limits), Some(cancelled));
        assert_eq!(due(&challenge(false), late, &limits), None);
    }
}
