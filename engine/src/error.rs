//! Errors of the engine, by culprit.

use countersign_core::refusal::Refusal;
use countersign_core::signature::SignatureFormat;

use crate::ports::delivery::DeliveryError;
use crate::ports::store::StoreError;

/// A fault of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misbehaviour {
    /// The signature does not verify.
    #[error("the signature does not verify")]
    InvalidSignature,
    /// The signature does not verify, and has the shape of another format than the key's.
    #[error("the signature does not verify: it has to be {}", .0.described())]
    OtherFormat(SignatureFormat),
    /// The key signs something else: a challenge id where a statement is wanted, or the reverse.
    #[error("the credential has another signing mode")]
    OtherSigning,
    /// A key in the statement mode reads with a device session.
    #[error("a device session is needed")]
    SessionMissing,
    /// The device session was made for a binding that is not there any more.
    #[error("the device session is over")]
    SessionOver,
    /// The nonce was not given out, was used, or is too old.
    #[error("the nonce is not known")]
    UnknownNonce,
    /// No account is bound to the key.
    #[error("the credential is not known")]
    UnknownCredential,
}

/// Why a request cannot be taken now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// The maximum number of actors is in memory.
    #[error("the server has too much to do")]
    Activations,
    /// The maximum number of signatures waits for a check.
    #[error("too many signatures to check")]
    Signatures,
    /// The store did not answer. It has counted and logged the reason.
    #[error("the store did not answer")]
    Store(StoreError),
    /// The store cannot record, as it says itself.
    #[error(transparent)]
    StoreUnready(StoreError),
    /// Another writer changed the account's record.
    #[error("the account changed elsewhere")]
    AccountChanged,
    /// Another writer ended the challenge.
    #[error("the challenge ended elsewhere")]
    ChallengeEnded,
    /// An actor went away before it answered.
    #[error("the request was not answered")]
    Lost,
    /// The engine has no settings for the tenant.
    #[error("the tenant is not configured")]
    TenantMissing,
    /// The engine compares pending challenges with the clock.
    #[error("recovering: {ended} challenges ended")]
    Recovering {
        /// Challenges that it has ended so far.
        ended: u64,
    },
    /// Some pending challenges could not be expired.
    #[error("not all that was pending could be expired")]
    Unexpired,
    /// The engine is being stopped.
    #[error("stopping")]
    Stopping,
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The relying party did not accept the notification.
    #[error("the notification was not accepted: {0}")]
    Delivery(#[from] DeliveryError),
    /// A device broke the protocol.
    #[error(transparent)]
    Misbehaved(#[from] Misbehaviour),
    /// A rule refused the request. Nothing has changed, with one exception: a wrong number stays
    /// counted, and the last one ends the challenge.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store or the verifier pool cannot take the request. Of a change, it is not known whether
    /// it was recorded; asking again tells.
    #[error("unavailable: {0}")]
    Unavailable(#[from] Unavailable),
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Unavailable::Store(error).into()
    }
}

impl Error {
    /// An actor went away before it answered.
    pub(crate) fn lost() -> Self {
        Unavailable::Lost.into()
    }
}
