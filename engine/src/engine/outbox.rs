//! Delivers the events of the outbox: new ones at once, and at intervals those that are due again
//! or were left by a process that died.

use std::sync::Arc;
use std::time::Duration;

use countersign_core::event::Event;
use futures_util::{StreamExt as _, stream};
use metrics::counter;
use tokio::sync::{Mutex, Notify};

use super::Engine;
use crate::error::Error;
use crate::shared::Shared;
use crate::telemetry;

/// Between two looks for events that are due again.
const LOOK: Duration = Duration::from_secs(5);
/// Events taken at one look, at most; the next look takes the rest.
const EVENTS_PER_LOOK_MAX: usize = 100;
/// Calls that are under way together, at most.
const CALLS_AT_ONCE_MAX: usize = 32;
/// Time for which the engine's end waits for calls under way: longer than one may take.
const CLOSE_WAIT: Duration = Duration::from_secs(6);

/// Wakes the outbox, and tells whether it is at work.
#[derive(Default)]
pub(crate) struct Outbox {
    filled: Notify,
    /// Held during a look.
    looking: Mutex<()>,
}

impl Outbox {
    /// Something is recorded in it.
    pub(crate) fn filled(&self) {
        self.filled.notify_one();
    }

    /// Resolves when no call is under way any more; the engine is draining.
    pub(crate) async fn closed(&self) {
        self.filled.notify_one();
        if tokio::time::timeout(CLOSE_WAIT, self.looking.lock()).await.is_err() {
            tracing::warn!("a call about an event was still under way at the end");
        }
    }
}

impl Engine {
    pub(super) fn tell_events(&self) {
        let outbox = self.shared.outbox.clone();
        let shared = Arc::downgrade(&self.shared);
        self.shared.arbiters.spawn(async move {
            let mut interval = tokio::time::interval(LOOK);
            loop {
                tokio::select! {
                    _ = interval.tick() => {}
                    () = outbox.filled.notified() => {}
                }
                let Some(shared) = shared.upgrade().filter(|shared| !shared.is_draining()) else {
                    return;
                };
                let _looking = outbox.looking.lock().await;
                if let Err(error) = tell_due(&shared).await {
                    tracing::warn!(%error, "events not looked for");
                }
            }
        });
    }
}

async fn tell_due(shared: &Shared) -> Result<(), Error> {
    let due = shared.store.due_events(shared.clock.now(), EVENTS_PER_LOOK_MAX).await?;
    let telling = stream::iter(due).for_each_concurrent(CALLS_AT_ONCE_MAX, |event| async move {
        // Calls that have not begun are left for the next process.
        if shared.is_draining() {
            return;
        }
        if let Err(error) = tell(shared, &event).await {
            tracing::warn!(%error, event.id = %event.id, "the telling of an event is not recorded");
        }
    });
    telling.await;
    Ok(())
}

/// Calls once, and records the result.
async fn tell(shared: &Shared, event: &Event) -> Result<(), Error> {
    let tenant = shared.tenant(&event.account.tenant).ok();
    let delivery = tenant.and_then(|tenant| tenant.delivery.clone());
    let called = event.called(shared.clock.now());
    let (Some(delivery), Some(called)) = (delivery, called) else {
        // Nobody is configured to be told, or a process died in the last call.
        return given_up(shared, event).await;
    };
    shared.store.put_off_event(&called).await?;
    if delivery.tell(&called).await.is_ok() {
        return Ok(shared.store.remove_event(&called.account, &called.id).await?);
    }
    if called.is_spent() { given_up(shared, &called).await } else { Ok(()) }
}

async fn given_up(shared: &Shared, event: &Event) -> Result<(), Error> {
    let Event { id, account, calls, .. } = event;
    tracing::warn!(tenant = %account.tenant, event.id = %id, calls, "an event is given up");
    counter!(telemetry::EVENTS_GIVEN_UP, "type" => event.kind.name()).increment(1);
    Ok(shared.store.remove_event(account, id).await?)
}
