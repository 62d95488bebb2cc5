//! Recovery before the first request is answered.
//!
//! There is little of it: an actor loads its state from the store's indexes when it is activated,
//! so that nothing is loaded in advance. Only a clock that was set back makes work.

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

/// Pending challenges that are looked at together.
const PENDING_MAX: usize = 1000;

impl Engine {
    /// Compares the clock with the highest time that the store has seen. If it is behind, nobody
    /// knows the age of pending challenges: all of them expire, as of that time. Tokens and
    /// challenges that were issued later than now are dated by [`Engine::dated`], at this start and
    /// at every later one, because the set-back is kept in the store; events that
    /// are due later are due now. The answer is how many challenges were expired.
    ///
    /// To be called before the first request is let in. Until it is done, [`Engine::ready`] says
    /// how far it has come.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer, or not everything could be expired.
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
        // A second look finds the first.
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

/// Has all that is pending expire as of `at`, and counts it in `ended`.
async fn expire_pending(
    shared: &Arc<Shared>,
    at: UnixMillis,
    ended: &watch::Sender<Option<u64>>,
) -> Result<(), Error> {
    let mut foreign = 0;
    loop {
        // The end of time: everything is overdue by then.
        let (end_of_time, limit) = (UnixMillis(u64::MAX), PENDING_MAX + foreign);
        let pending = shared.ports.store.overdue(end_of_time, UnixMillis(0), limit).await?;
        let found = pending.len();
        // No call can come for a tenant that is not configured.
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

/// Has events told that are due by the clock of an earlier process only.
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
