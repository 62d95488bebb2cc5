//! Delivery of notifications that wake a device, and of events. No proof of an approval depends on
//! either.

use countersign_core::account::Issued;
use countersign_core::event::Event;

use super::Later;

/// Reason why a notification was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct DeliveryError {
    /// Reason, as a text for the relying party.
    pub reason: String,
    /// True if a repeated call may be accepted, because this call was lost on its way and not
    /// rejected.
    pub passing: bool,
}

/// Result of the notification of one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryResult {
    /// The authenticator.
    pub authenticator: countersign_core::id::AuthenticatorId,
    /// Error code, if the notification failed.
    pub error_code: Option<String>,
}

/// Error: no notification about the challenge may be sent, because the challenge has ended, or
/// because the store has not recorded that it is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the challenge is not offered")]
pub struct NotOffered;

/// Future that, when it is awaited, offers a challenge to its devices and counts the notification
/// about it.
pub type Offering = Later<Result<(), NotOffered>>;

/// Adapter that sends notifications about challenges, and events.
pub trait Delivery: Send + Sync + 'static {
    /// Sends a notification about an issued challenge, by one call that ends within 5 seconds.
    /// After an error the engine, and not the adapter, decides whether to call again. The result
    /// lists the devices that the adapter itself has notified, which may be none.
    ///
    /// The adapter awaits `offering` once it has a connection, and sends the notification only if
    /// that succeeds. If the adapter drops `offering` without awaiting it, nobody was reached.
    fn deliver(
        &self,
        issued: &Issued,
        offering: Offering,
    ) -> Later<Result<Vec<DeliveryResult>, DeliveryError>>;

    /// Sends an event, by one call that ends within 5 seconds. After an error the engine, and not
    /// the adapter, decides when and how often to call again.
    fn tell(&self, event: &Event) -> Later<Result<(), DeliveryError>>;
}
