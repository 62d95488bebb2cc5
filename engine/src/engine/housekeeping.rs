//! Periodic work: idle actors leave, overdue challenges end, old records are pruned. A store that
//! refuses is tried until it records, and its free room is watched.

use std::sync::Arc;
use std::time::Duration;

use countersign_core::challenge::Challenge;
use countersign_core::outcome::Outcome;
use countersign_core::time::UnixMillis;
use futures_util::{StreamExt as _, stream};
use tokio::time::{Interval, MissedTickBehavior};

use super::clock_gap::ClockGap;
use super::{Engine, EngineSettings, room};
use crate::error::Error;
use crate::shared::Shared;

/// Interval between sweeps for idle actors.
const SWEEP: Duration = Duration::from_secs(10);
/// Interval between searches for overdue challenges.
const OVERDUE: Duration = Duration::from_secs(5);
/// Overdue challenges ended at one look, at most.
const OVERDUE_MAX: usize = 1000;
/// Overdue challenges that end together, because the store records them in one group.
pub(super) const ENDED_TOGETHER: usize = 64;
/// A challenge that is held for longer was left behind by a process that died: its initiator was
/// never answered. It is longer than any notification may take.
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
        let shared = Arc::downgrade(&self.shared);
        let (actions_ms, challenges_ms) =
            (settings.action_retention_ms, settings.challenge_retention_ms);
        let sweeper = shared.clone();
        self.shared.arbiters.spawn(async move {
            let mut interval = tokio::time::interval(SWEEP);
            while let Some(shared) = {
                interval.tick().await;
                sweeper.upgrade()
            } {
                shared.accounts.sweep();
                shared.devices.sweep();
                shared.challenges.sweep();
            }
        });
        let ender = shared.clone();
        self.shared.arbiters.spawn(async move {
            let mut interval = tokio::time::interval(OVERDUE);
            let mut gap = ClockGap::default();
            while let Some(shared) = {
                interval.tick().await;
                ender.upgrade()
            } {
                let Some(_round) = shared.round().await else { return };
                gap.look(&*shared.clock);
                let seen = shared.store.observe(shared.clock.now()).await;
                if let Err(error) = seen {
                    tracing::warn!(%error, "the time is not recorded");
                }
                if let Err(error) = end_overdue(&shared).await {
                    tracing::warn!(%error, "overdue challenges not ended");
                }
            }
        });
        self.watch_store();
        self.shared.arbiters.spawn(async move {
            let mut interval = tokio::time::interval(PRUNE);
            while let Some(shared) = {
                interval.tick().await;
                shared.upgrade()
            } {
                let Some(_round) = shared.round().await else { return };
                let now = shared.clock.now();
                let (actions, challenges) = (now.minus_ms(actions_ms), now.minus_ms(challenges_ms));
                match shared.store.prune(actions, challenges).await {
                    Ok(0) => {}
                    Ok(records) => tracing::info!(records, "old records forgotten"),
                    Err(error) => tracing::warn!(%error, "old records not forgotten"),
                }
            }
        });
    }
}

impl Engine {
    /// Tries a store that does not record, and looks at its room. A call that hangs puts off the
    /// next: none pile up.
    fn watch_store(&self) {
        let tried = Arc::downgrade(&self.shared);
        let looked_at = tried.clone();
        self.shared.arbiters.spawn(async move {
            let mut interval = at_least(TRY);
            while let Some(shared) = {
                interval.tick().await;
                tried.upgrade()
            } {
                let Some(_round) = shared.round().await else { return };
                if shared.store.ready().is_err() {
                    // The store reports its own refusals.
                    let _ = shared.store.observe(shared.clock.now()).await;
                }
            }
        });
        self.shared.arbiters.spawn(async move {
            let mut interval = at_least(ROOM);
            while let Some(shared) = {
                interval.tick().await;
                looked_at.upgrade()
            } {
                let Some(_round) = shared.round().await else { return };
                room::look(&shared).await;
            }
        });
    }
}

fn at_least(period: Duration) -> Interval {
    let mut interval = tokio::time::interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

async fn end_overdue(shared: &Arc<Shared>) -> Result<(), Error> {
    let now = shared.clock.now();
    let overdue = shared.store.overdue(now, now.minus_ms(HELD_MS_MAX), OVERDUE_MAX).await?;
    let ending = overdue.into_iter().filter_map(|challenge| {
        let tenant = shared.tenant(&challenge.account.tenant).ok()?;
        let outcome = due(&challenge, now, tenant.limits.decision_grace_ms)?;
        Some(end(shared, challenge, outcome, now))
    });
    stream::iter(ending).buffer_unordered(ENDED_TOGETHER).collect::<Vec<_>>().await;
    Ok(())
}

/// Has a challenge ended. False if that failed, which is logged.
pub(super) async fn end(
    shared: &Arc<Shared>,
    challenge: Challenge,
    outcome: Outcome,
    at: UnixMillis,
) -> bool {
    let (id, account) = (challenge.id, challenge.account);
    let ended = shared
        .account(&account, move |w| Box::pin(async move { w.end(&id, outcome, at).await }))
        .await;
    if let Err(error) = &ended {
        tracing::warn!(%error, "overdue challenge not ended");
    }
    ended.is_ok()
}

/// Gives the end of a challenge that is overdue at `now`.
fn due(challenge: &Challenge, now: UnixMillis, grace_ms: u64) -> Option<Outcome> {
    if now >= challenge.expires_at.plus_ms(grace_ms) {
        return Some(Outcome::Expired);
    }
    let abandoned = challenge.held && now.ms_since(challenge.issued_at) > HELD_MS_MAX;
    abandoned.then_some(Outcome::Cancelled)
}

#[cfg(test)]
mod tests {
    use countersign_core::id::*;

    use super::*;

    fn challenge(held: bool) -> Challenge {
        let account =
            AccountKey { tenant: TenantId::parse("t").unwrap(), user: UserId::parse("u").unwrap() };
        let action = ActionKey {
            code: ActionCode::parse("signIn").unwrap(),
            idempotency_key: IdempotencyKey::parse("k").unwrap(),
        };
        Challenge {
            id: ChallengeId::from_entropy(&[1; 24]),
            account,
            action,
            targets: Vec::new(),
            issued_at: UnixMillis(0),
            expires_at: UnixMillis(60_000),
            held,
            notifications: 0,
            ended: None,
            number: None,
            shown: None,
        }
    }

    #[test]
    fn a_challenge_expires_after_its_grace_and_not_before() {
        assert_eq!(due(&challenge(false), UnixMillis(60_249), 250), None);
        assert_eq!(due(&challenge(false), UnixMillis(60_250), 250), Some(Outcome::Expired));
    }

    #[test]
    fn a_held_challenge_is_cancelled_once_no_notification_can_be_under_way() {
        assert_eq!(due(&challenge(true), UnixMillis(HELD_MS_MAX), 250), None);
        assert_eq!(
            due(&challenge(true), UnixMillis(HELD_MS_MAX + 1), 250),
            Some(Outcome::Cancelled)
        );
        assert_eq!(due(&challenge(false), UnixMillis(HELD_MS_MAX + 1), 250), None);
    }
}
