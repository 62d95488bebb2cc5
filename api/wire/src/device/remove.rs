//! Ending all bindings of a key.

use countersign_core::possession::RemovalProof;
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

impl RemoveRequest {
    /// Checks every field. The answer is the key that is said to have signed, and the signature.
    ///
    /// # Errors
    /// [`InvalidField`].
    pub fn into_core(self) -> Result<(PresentedKey, RemovalProof), InvalidField> {
        let key = PresentedKey::from_body(&self.public_key)?;
        let nonce = self.nonce.as_ref().map(nonce_of).transpose()?;
        let signature = decode_signature(self.signature.reveal())?;
        let proof = match nonce {
            Some(nonce) => RemovalProof::Statement { nonce, signature },
            None => RemovalProof::Official(signature),
        };
        Ok((key, proof))
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
