//! Errors of the engine, grouped by the party at fault.

use countersign_core::refusal::Refusal;
use countersign_core::signature::SignatureFormat;

use crate::ports::delivery::DeliveryError;
use crate::ports::store::StoreError;

/// A request of a device that breaks the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misbehaviour {
    /// The signature does not verify.
    #[error("the signature does not verify")]
    InvalidSignature,
    /// The signature does not verify, and has the shape of another format than the key's.
    #[error("the signature does not verify: it has to be {}", .0.described())]
    OtherFormat(SignatureFormat),
    /// The key has another signing mode: it signs challenge ids and the call needs a statement, or
    /// the reverse.
    #[error("the credential has another signing mode")]
    OtherSigning,
    /// A key in the statement mode was used for a read without a device session.
    #[error("a device session is needed")]
    SessionMissing,
    /// The key no longer serves the binding that the device session was made for.
    #[error("the device session is over")]
    SessionOver,
    /// The nonce was never issued, was used, or has expired.
    #[error("the nonce is not known")]
    UnknownNonce,
    /// The key is not bound to any account.
    #[error("the credential is not known")]
    UnknownCredential,
}

/// Reason why the server cannot process a request now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// The maximum number of actors is in memory.
    #[error("the server has too much to do")]
    Activations,
    /// The maximum number of signature checks is queued or running.
    #[error("too many signatures to check")]
    Signatures,
    /// A call of the store failed. The store has counted and logged the reason.
    #[error("the store did not answer")]
    Store(StoreError),
    /// The store reports that it cannot record commits.
    #[error(transparent)]
    StoreUnready(StoreError),
    /// Another writer changed the account's record.
    #[error("the account changed elsewhere")]
    AccountChanged,
    /// An actor or task stopped before it answered the request.
    #[error("the request was not answered")]
    Lost,
    /// The engine has no settings for the tenant.
    #[error("the tenant is not configured")]
    TenantMissing,
    /// The clock was set back, so the engine is expiring all pending challenges and is not ready.
    #[error("recovering: {ended} challenges ended")]
    Recovering {
        /// Number of challenges that it has ended so far.
        ended: u64,
    },
    /// Some pending challenges could not be expired.
    #[error("not all that was pending could be expired")]
    Unexpired,
    /// The engine is being stopped.
    #[error("stopping")]
    Stopping,
}

/// Reason why the engine did not carry out a call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The relying party did not accept the notification.
    #[error("the notification was not accepted: {0}")]
    Delivery(#[from] DeliveryError),
    /// A device broke the protocol.
    #[error(transparent)]
    Misbehaved(#[from] Misbehaviour),
    /// A rule refused the request. The record is unchanged, except after a wrong number: that try
    /// stays counted, and the last allowed try ends the challenge.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The server cannot process the request now. If the request asked for a change, the change may
    /// have been recorded; a repeated request shows whether it was.
    #[error("unavailable: {0}")]
    Unavailable(#[from] Unavailable),
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Unavailable::Store(error).into()
    }
}

impl Error {
    /// Returns the error for an actor or task that stopped before it answered.
    pub(crate) fn lost() -> Self {
        Unavailable::Lost.into()
    }
}
