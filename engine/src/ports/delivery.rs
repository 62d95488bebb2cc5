//! Waking a device, and telling a relying party of what has happened. Neither is ever part of the
//! proof.

use countersign_core::account::Issued;
use countersign_core::challenge::Challenge;

use super::Later;

/// Why a notification was not accepted, in words for the relying party.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DeliveryError(pub String);

/// What became of the notification to one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryResult {
    /// The authenticator.
    pub authenticator: countersign_core::id::AuthenticatorId,
    /// Why it failed, where it did.
    pub error_code: Option<String>,
}

/// Something that has happened and is recorded.
#[derive(Clone, Debug)]
pub enum Event {
    /// A person said that a challenge, which has ended so, was not theirs.
    Reported(Challenge),
}

/// Tells the devices of a challenge that it waits.
pub trait Delivery: Send + Sync + 'static {
    /// Notifies about an issued challenge. An error cancels the challenge. The answer lists the
    /// devices that the adapter itself has notified, which may be none.
    fn deliver(&self, issued: &Issued) -> Later<Result<Vec<DeliveryResult>, DeliveryError>>;

    /// Tells of an event. Nobody waits for it, and nothing depends on it: the adapter tries again
    /// as it sees fit, and gives up in the end.
    fn tell(&self, event: &Event) -> Later<()>;
}
