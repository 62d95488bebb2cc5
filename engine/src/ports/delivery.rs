//! Delivery: waking a device, and telling a relying party of events. Neither is ever part of the
//! proof.

use countersign_core::account::Issued;
use countersign_core::event::Event;

use super::Later;

/// Why a notification was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct DeliveryError {
    /// Text for the relying party.
    pub reason: String,
    /// True if another call may be accepted, because this one was lost and not refused.
    pub passing: bool,
}

/// Result of the notification of one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryResult {
    /// The authenticator.
    pub authenticator: countersign_core::id::AuthenticatorId,
    /// Why it failed, where it did.
    pub error_code: Option<String>,
}

/// Why nothing may be said of a challenge: it has ended, or the store has not recorded that it is
/// offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the challenge is not offered")]
pub struct NotOffered;

/// Offers a challenge to its devices, and counts the notification about it, when it is awaited.
pub type Offering = Later<Result<(), NotOffered>>;

/// Tells the devices of a challenge that it waits.
pub trait Delivery: Send + Sync + 'static {
    /// Notifies about an issued challenge, by one call that ends within 5 seconds; whether there is
    /// another after an error is not the adapter's to decide. The answer lists the devices that the
    /// adapter itself has notified, which may be none.
    ///
    /// The adapter awaits `offering` once it has a connection, and sends the notification after it
    /// alone. Dropped unawaited it says that nobody was reached.
    fn deliver(
        &self,
        issued: &Issued,
        offering: Offering,
    ) -> Later<Result<Vec<DeliveryResult>, DeliveryError>>;

    /// Tells of an event, by one call that ends within 5 seconds. An error says that it is to be
    /// told again; when, and how often, is not the adapter's to decide.
    fn tell(&self, event: &Event) -> Later<Result<(), DeliveryError>>;
}
