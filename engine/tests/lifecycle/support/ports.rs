//! Relying parties that accept or refuse notifications, or never answer them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use countersign_core::account::Issued;
use countersign_core::challenge::Challenge;
use countersign_core::event::Event;
use countersign_core::id::AccountKey;
use countersign_engine::ports::delivery::{DeliveryError, DeliveryResult, Offering};
use countersign_engine::ports::{Delivery, Later};
use tokio::sync::{oneshot, watch};

use super::soon;

/// Result of a delivery.
type Delivered = Later<Result<Vec<DeliveryResult>, DeliveryError>>;

/// A relying party whose notifications are lost on the way.
#[derive(Default)]
pub(crate) struct OutOfReach {
    notified: Arc<AtomicU64>,
}

impl OutOfReach {
    /// Returns the number of notifications that were sent.
    pub(crate) fn notified(&self) -> u64 {
        self.notified.load(Ordering::SeqCst)
    }
}

impl Delivery for OutOfReach {
    fn deliver(&self, _: &Issued, offering: Offering) -> Delivered {
        let notified = self.notified.clone();
        Box::pin(async move {
            offering.await.map_err(|_| refusal())?;
            notified.fetch_add(1, Ordering::SeqCst);
            Err(DeliveryError { reason: "lost".to_owned(), passing: true })
        })
    }

    fn tell(&self, _: &Event) -> Later<Result<(), DeliveryError>> {
        Box::pin(std::future::ready(Err(refusal())))
    }
}

/// A relying party that cannot be connected to.
#[derive(Default)]
pub(crate) struct Refuses {
    called: AtomicU64,
}

impl Refuses {
    /// Returns the number of attempts to connect.
    pub(crate) fn called(&self) -> u64 {
        self.called.load(Ordering::SeqCst)
    }
}

impl Delivery for Refuses {
    fn deliver(&self, _: &Issued, _: Offering) -> Delivered {
        self.called.fetch_add(1, Ordering::SeqCst);
        let refused = DeliveryError { reason: "refused".to_owned(), passing: true };
        Box::pin(std::future::ready(Err(refused)))
    }

    fn tell(&self, _: &Event) -> Later<Result<(), DeliveryError>> {
        Box::pin(std::future::ready(Err(refusal())))
    }
}

fn refusal() -> DeliveryError {
    DeliveryError { reason: "no".to_owned(), passing: false }
}

/// A relying party that never answers a notification.
pub(crate) struct NeverDelivers;

impl Delivery for NeverDelivers {
    fn deliver(&self, _: &Issued, offering: Offering) -> Delivered {
        Box::pin(async move {
            offering.await.map_err(|_| refusal())?;
            std::future::pending().await
        })
    }

    fn tell(&self, _: &Event) -> Later<Result<(), DeliveryError>> {
        Box::pin(std::future::pending())
    }
}

/// A sender that reports the challenge when a connection begins, and a receiver of the signal to
/// continue.
type Connecting = (oneshot::Sender<Arc<Challenge>>, oneshot::Receiver<()>);

/// A relying party whose first connection waits until the test continues it.
pub(crate) struct ConnectsLate {
    waiting: Mutex<Option<Connecting>>,
    told: Arc<AtomicBool>,
}

impl ConnectsLate {
    /// Makes the relying party. It sends the challenge to `met` when the connection begins, and
    /// continues after `gone_on`.
    pub(crate) fn new(
        met: oneshot::Sender<Arc<Challenge>>,
        gone_on: oneshot::Receiver<()>,
    ) -> Self {
        Self { waiting: Mutex::new(Some((met, gone_on))), told: Arc::default() }
    }

    /// Returns the flag that is set once a notification was sent.
    pub(crate) fn told(&self) -> Arc<AtomicBool> {
        self.told.clone()
    }
}

impl Delivery for ConnectsLate {
    fn deliver(&self, issued: &Issued, offering: Offering) -> Delivered {
        let (met, gone_on) = self.waiting.lock().unwrap().take().expect("it is called once");
        met.send(issued.challenge.clone()).expect("the test waits for it");
        let told = self.told.clone();
        Box::pin(async move {
            gone_on.await.expect("the test goes on");
            offering.await.map_err(|_| refusal())?;
            told.store(true, Ordering::SeqCst);
            Ok(Vec::new())
        })
    }

    fn tell(&self, _: &Event) -> Later<Result<(), DeliveryError>> {
        Box::pin(std::future::ready(Err(refusal())))
    }
}

/// A relying party that refuses notifications.
pub(crate) struct RefusesDelivery;

impl Delivery for RefusesDelivery {
    fn deliver(&self, _: &Issued, offering: Offering) -> Delivered {
        Box::pin(async move {
            offering.await.map_err(|_| refusal())?;
            Err(refusal())
        })
    }

    fn tell(&self, _: &Event) -> Later<Result<(), DeliveryError>> {
        Box::pin(std::future::ready(Err(refusal())))
    }
}

/// A relying party that accepts and stores every notification.
#[derive(Default)]
pub(crate) struct CountsDeliveries {
    notified: Arc<Mutex<Vec<Arc<Challenge>>>>,
    told: watch::Sender<Vec<Event>>,
    /// Number of further event calls that it refuses.
    refusing: AtomicU64,
}

impl CountsDeliveries {
    /// Returns the challenges of an account from all notifications, in order and with repetitions.
    pub(crate) fn notified(&self, account: &AccountKey) -> Vec<Arc<Challenge>> {
        let all = self.notified.lock().unwrap();
        all.iter().filter(|c| c.account == *account).cloned().collect()
    }

    /// Makes a relying party that refuses its first `calls` calls about events.
    pub(crate) fn refusing(calls: u64) -> Self {
        Self { refusing: calls.into(), ..Self::default() }
    }

    /// Waits for `count` event calls. Returns the events of all calls, with repetitions.
    pub(crate) async fn told(&self, count: usize) -> Vec<Event> {
        let mut told = self.told.subscribe();
        soon(told.wait_for(|told| told.len() >= count)).await.unwrap().clone()
    }
}

impl Delivery for CountsDeliveries {
    fn deliver(&self, issued: &Issued, offering: Offering) -> Delivered {
        let (notified, challenge) = (self.notified.clone(), issued.challenge.clone());
        Box::pin(async move {
            offering.await.map_err(|_| refusal())?;
            notified.lock().unwrap().push(challenge);
            Ok(Vec::new())
        })
    }

    fn tell(&self, event: &Event) -> Later<Result<(), DeliveryError>> {
        self.told.send_modify(|told| told.push(event.clone()));
        let less = |left: u64| left.checked_sub(1);
        let refused = self.refusing.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok();
        let answer = if refused { Err(refusal()) } else { Ok(()) };
        Box::pin(std::future::ready(answer))
    }
}
