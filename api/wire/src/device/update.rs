//! Telling news about a device, and ending all bindings of its key.

use countersign_core::account::Refresh;
use countersign_core::device::{Device, PushToken};
use countersign_core::possession::{RemovalProof, UpdateProof};
use serde::{Deserialize, Serialize};

use super::{nonce_of, push_token};
use crate::InvalidField;
use crate::publickey::{PresentedKey, decode_signature};
use crate::secret::Secret;
use crate::time::Iso8601;

/// `PATCH /client/user-authenticators/push`. `resetExpiry` is ignored: credentials do not expire.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateRequest {
    /// The nonce's handle, as the official SDKs name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenge_id: Option<String>,
    /// The nonce, for an update that is signed by a statement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<Secret>,
    /// The key, in the form of bodies.
    pub public_key: String,
    /// Over the text of the nonce with that handle, or over the update's statement.
    pub signature: Secret,
    /// The notification provider's new token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub push_token: Option<Secret>,
}

impl UpdateRequest {
    /// Checks every field. The answer is the key that is said to have signed, the signature, and
    /// the change to record once that is verified.
    ///
    /// # Errors
    /// [`InvalidField`].
    pub fn into_core(self) -> Result<(PresentedKey, UpdateProof, Refresh), InvalidField> {
        let signed = || {
            let key = PresentedKey::from_body(&self.public_key)?;
            Ok::<_, InvalidField>((key, decode_signature(self.signature.reveal())?))
        };
        let (key, proof) = match (self.challenge_id, self.nonce) {
            (Some(handle), None) => {
                let (key, signature) = signed()?;
                (key, UpdateProof::Official { handle, signature })
            }
            (None, Some(nonce)) => {
                let nonce = nonce_of(&nonce)?;
                let (key, signature) = signed()?;
                (key, UpdateProof::Statement { nonce, signature })
            }
            (None, None) => {
                return Err(InvalidField::new("challengeId", "must be there, or nonce"));
            }
            (Some(_), Some(_)) => {
                return Err(InvalidField::new("nonce", "cannot stand beside challengeId"));
            }
        };
        Ok((key, proof, Refresh { push_token: push_token(self.push_token.as_ref())? }))
    }
}

/// Answer to [`UpdateRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateResponse {
    /// The binding.
    pub user_authenticator_id: String,
    /// The user.
    pub user_id: String,
    /// Time of the key's last accepted signature.
    pub last_verified_at: Iso8601,
    /// The request's token once more, where it had one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub push_token: Option<Secret>,
}

impl UpdateResponse {
    /// The answer about an updated device.
    #[must_use]
    pub fn new(device: &Device, sent: Option<&PushToken>) -> Self {
        Self {
            user_authenticator_id: device.id.as_str().to_owned(),
            user_id: device.account.user.as_str().to_owned(),
            last_verified_at: device.last_verified_at.unwrap_or(device.verified_at).into(),
            push_token: sent.map(|t| Secret::new(t.reveal())),
        }
    }
}

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
