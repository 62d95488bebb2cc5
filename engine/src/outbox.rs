//! Delivery of the outbox's events. A new event is sent at once. Every 5 seconds the outbox also
//! looks for events that are due for a retry, or that were left over by a process that died.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use countersign_core::event::Event;
use futures_util::{StreamExt as _, stream};
use metrics::counter;
use tokio::sync::{Mutex, Notify};

use crate::error::Error;
use crate::ports::Ports;
use crate::telemetry;
use crate::tenant::Tenants;

/// Interval between searches for events that are due for a retry.
const LOOK: Duration = Duration::from_secs(5);
/// Maximum number of events that one search reads; the next search reads the remaining ones.
const EVENTS_PER_LOOK_MAX: usize = 100;
/// Maximum number of concurrent calls.
const CALLS_AT_ONCE_MAX: usize = 32;
/// Maximum time for which a closing engine waits for calls under way. It is longer than the maximum
/// duration of one call (5 seconds).
const CLOSE_WAIT: Duration = Duration::from_secs(6);

/// The outbox: finds recorded events in the store, and sends them to the tenants' webhooks.
pub(crate) struct Outbox {
    ports: Arc<Ports>,
    tenants: Arc<Tenants>,
    filled: Arc<Notify>,
    /// Held while due events are read and delivered.
    looking: Mutex<()>,
    stopped: AtomicBool,
}

impl Outbox {
    pub(crate) fn new(ports: Arc<Ports>, tenants: Arc<Tenants>) -> Self {
        let (filled, looking, stopped) = (Arc::default(), Mutex::default(), false.into());
        Self { ports, tenants, filled, looking, stopped }
    }

    /// Wakes the delivery task, because an event was recorded.
    pub(crate) fn filled(&self) {
        self.filled.notify_one();
    }

    /// Stops the outbox, so that no further call begins. Events whose calls have not begun stay in
    /// the store for the next process.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.filled.notify_one();
    }

    /// Waits until no call is under way, for [`CLOSE_WAIT`] at most. The caller has stopped the
    /// outbox before.
    pub(crate) async fn closed(&self) {
        if tokio::time::timeout(CLOSE_WAIT, self.looking.lock()).await.is_err() {
            tracing::warn!("a call about an event was still under way at the end");
        }
    }

    /// Returns the task that delivers events until the outbox is stopped or dropped.
    pub(crate) fn run(self: &Arc<Self>) -> impl Future<Output = ()> + Send + 'static {
        let (filled, outbox) = (self.filled.clone(), Arc::downgrade(self));
        async move {
            let mut interval = tokio::time::interval(LOOK);
            loop {
                tokio::select! {
                    _ = interval.tick() => {}
                    () = filled.notified() => {}
                }
                let Some(outbox) = outbox.upgrade().filter(|outbox| !outbox.is_stopped()) else {
                    return;
                };
                let _looking = outbox.looking.lock().await;
                if let Err(error) = outbox.deliver_due().await {
                    tracing::warn!(%error, "events not looked for");
                }
            }
        }
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    async fn deliver_due(&self) -> Result<(), Error> {
        let Ports { store, clock, .. } = &*self.ports;
        let due = stream::iter(store.due_events(clock.now(), EVENTS_PER_LOOK_MAX).await?);
        let delivering = due.for_each_concurrent(CALLS_AT_ONCE_MAX, |event| async move {
            if self.is_stopped() {
                return;
            }
            if let Err(error) = self.deliver(&event).await {
                tracing::warn!(%error, event.id = %event.id, "a delivery is not recorded");
            }
        });
        delivering.await;
        Ok(())
    }

    /// Makes one call about an event. The call is counted before it begins, because the process may
    /// die during it. The event leaves the outbox after a success, after its last call, and if its
    /// tenant has no webhook.
    async fn deliver(&self, event: &Event) -> Result<(), Error> {
        let Ports { store, clock, .. } = &*self.ports;
        let tenant = self.tenants.get(&event.account.tenant).ok();
        let delivery = tenant.and_then(|tenant| tenant.delivery.clone());
        let (Some(delivery), Some(called)) = (delivery, event.called(clock.now())) else {
            // The tenant has no webhook, or a process died during the event's last call.
            return self.give_up(event).await;
        };
        store.put_off_event(&called).await?;
        if delivery.tell(&called).await.is_ok() {
            return Ok(store.remove_event(&called.account, &called.id).await?);
        }
        if called.is_spent() { self.give_up(&called).await } else { Ok(()) }
    }

    async fn give_up(&self, event: &Event) -> Result<(), Error> {
        let Event { id, account, calls, .. } = event;
        tracing::warn!(tenant = %account.tenant, event.id = %id, calls, "an event is given up");
        counter!(telemetry::EVENTS_GIVEN_UP, "type" => event.kind.name()).increment(1);
        Ok(self.ports.store.remove_event(account, id).await?)
    }
}
