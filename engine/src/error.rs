//! Why the engine did not do what it was asked for, by culprit.

use countersign_core::refusal::Refusal;
use countersign_core::signature::SignatureFormat;

use crate::ports::delivery::DeliveryError;
use crate::ports::store::StoreError;

/// What a device did wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misbehaviour {
    /// The signature does not verify.
    #[error("the signature does not verify")]
    InvalidSignature,
    /// The signature does not verify, and has the shape of another format than the key's.
    #[error("the signature does not verify: it has to be {}", .0.described())]
    OtherFormat(SignatureFormat),
    /// The key signs something else: a challenge id where a statement is wanted, or the reverse.
    #[error("the credential does not sign so")]
    OtherSigning,
    /// Whoever signs statements reads with a device session.
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

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The relying party did not accept the notification.
    #[error("the notification was not accepted: {0}")]
    Delivery(#[from] DeliveryError),
    /// A device broke the protocol.
    #[error(transparent)]
    Misbehaved(#[from] Misbehaviour),
    /// A rule was broken; nothing has changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store or the verifier pool cannot take the request. Of a change, it is not known whether
    /// it was recorded; asking again tells.
    #[error("unavailable: {0}")]
    Unavailable(String),
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "store");
        Self::Unavailable("the store did not answer".to_owned())
    }
}

impl Error {
    /// An actor went away before it answered.
    pub(crate) fn lost() -> Self {
        Self::Unavailable("the request was not answered".to_owned())
    }
}
