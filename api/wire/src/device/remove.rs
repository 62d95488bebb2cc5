//! Ending all bindings of a key.

use countersign_core::nonce::Nonce;
use serde::{Deserialize, Serialize};

use super::nonce_of;
use crate::InvalidField;
use crate::publickey::{PresentedKey, decode_signature};
use crate::secret::Secret;

/// `POST /client/user-authenticators/push/remove`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemoveRequest {
    /// The key, in the form of bodies.
    pub public_key: String,
    /// The nonce, for a removal that is signed by a statement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<Secret>,
    /// Over the number of the time window, or over the removal's statement.
    pub signature: Secret,
}

/// A [`RemoveRequest`] whose fields are checked.
#[derive(Clone, Debug)]
pub struct Remove {
    /// The key that is said to have signed.
    pub key: PresentedKey,
    /// Nonce of the removal's statement. Without it, the number of the time window is signed.
    pub nonce: Option<Nonce>,
    /// Nothing about it is known to be true.
    pub signature: Vec<u8>,
}

impl RemoveRequest {
    /// Checks every field.
    ///
    /// # Errors
    /// [`InvalidField`].
    pub fn into_core(self) -> Result<Remove, InvalidField> {
        Ok(Remove {
            key: PresentedKey::from_body(&self.public_key)?,
            nonce: self.nonce.as_ref().map(nonce_of).transpose()?,
            signature: decode_signature(self.signature.reveal())?,
        })
    }
}

/// Answer to [`RemoveRequest`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemoveResponse {
    /// The newest binding that was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removed_authenticator_id: Option<String>,
}
