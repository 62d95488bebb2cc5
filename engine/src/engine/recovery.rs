//! Recovery before the first request is answered.
//!
//! Nothing is loaded in advance, because each actor loads its state from the store's indexes when
//! it is activated. There is work only if the clock was set back.

use std::sync::Arc;

use countersign_core::event::Event;
use countersign_core::outcome::Outcome;
use countersign_core::policy::EVENT_RETRY_MS;
use countersign_core::time::UnixMillis;
use futures_util::{StreamExt as _, stream};
use tokio::sync::watch;

use super::housekeeping::{Due, ENDED_TOGETHER, end};
use super::{Engine, set_backs};
use crate::actors::Shared;
use crate::error::{Error, Unavailable};
use crate::ports::Ports;

/// Number of pending challenges, or of events, that are read at once.
const PENDING_MAX: usize = 1000;

impl Engine {
    /// Compares the clock with the highest time that the store has recorded. If the clock is
    /// behind, the age of pending challenges is unknown, so all of them expire as of that highest
    /// time. The set-back is kept in the store, so that [`Engine::dated`] corrects tokens and
    /// challenges that were issued later than now, at this start and at every later one. Events
    /// that are due too late become due now. Returns the number of expired challenges.
    ///
    /// Call this before the server accepts its first request. Until it is done, [`Engine::ready`]
    /// reports the number of challenges that have ended so far.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer, or if a challenge could not be expired.
    pub async fn recover(&self) -> Result<u64, Error> {
        let shared = &self.shared;
        let Ports { store, clock, .. } = &*shared.ports;
        let now = clock.now();
        let latest = store.observe(now).await?;
        let (known, revision) = set_backs::load(store).await?;
        let started = known.started(latest, now);
        if let Some(started) = &started {
            set_backs::keep(store, started, revision, now).await?;
        }
        // A second recovery keeps the value of the first.
        let _ = shared.set_backs.set(started.unwrap_or(known));
        let behind_ms = latest.ms_since(now);
        if behind_ms == 0 {
            return Ok(0);
        }
        tracing::warn!(behind_ms, "the clock was set back: pending challenges expire");
        self.recovering.send_replace(Some(0));
        let recovered = match expire_pending(shared, latest, &self.recovering).await {
            Ok(()) => bring_events_forward(shared, now).await,
            failed => failed,
        };
        let expired = self.recovering.send_replace(None).unwrap_or_default();
        recovered?;
        tracing::warn!(expired, "pending challenges have expired");
        Ok(expired)
    }
}

/// Expires all pending challenges as of `at`, and counts them in `ended`. Challenges of tenants
/// that are not configured stay pending.
async fn expire_pending(
    shared: &Arc<Shared>,
    at: UnixMillis,
    ended: &watch::Sender<Option<u64>>,
) -> Result<(), Error> {
    let mut foreign = 0;
    loop {
        // At the end of time, every pending challenge is overdue.
        let (end_of_time, limit) = (UnixMillis(u64::MAX), PENDING_MAX + foreign);
        let pending = shared.ports.store.overdue(end_of_time, UnixMillis(0), limit).await?;
        let found = pending.len();
        // Challenges of tenants that are not configured are skipped, because no call can come for
        // them.
        let (ours, others): (Vec<_>, Vec<_>) =
            pending.into_iter().partition(|c| shared.tenants.serves(&c.account.tenant));
        foreign = others.len();
        let ending = ours.into_iter().map(|challenge| async move {
            let account = challenge.account.clone();
            let is_ended = end(shared, challenge, Due::End(Outcome::Expired, at)).await;
            shared.accounts.dismiss(&account);
            ended.send_modify(|ended| *ended.get_or_insert(0) += u64::from(is_ended));
            is_ended
        });
        let ends: Vec<_> = stream::iter(ending).buffer_unordered(ENDED_TOGETHER).collect().await;
        if ends.contains(&false) {
            return Err(Unavailable::Unexpired.into());
        }
        if found < limit {
            return Ok(());
        }
    }
}

/// Makes events due now that are due too late, because an earlier process with a clock that was
/// ahead has set their time.
async fn bring_events_forward(shared: &Arc<Shared>, now: UnixMillis) -> Result<(), Error> {
    let mut seen = 0;
    loop {
        let limit = PENDING_MAX + seen;
        let events = shared.ports.store.due_events(UnixMillis(u64::MAX), limit).await?;
        seen = events.len();
        for event in events.into_iter().filter(|e| e.due_at > now.plus_ms(EVENT_RETRY_MS)) {
            shared.ports.store.put_off_event(&Event { due_at: now, ..event }).await?;
        }
        if seen < limit {
            shared.outbox.filled();
            return Ok(());
        }
    }
}
