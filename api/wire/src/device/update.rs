//! Bodies for updating a device, and for removing all bindings of its key.

use countersign_core::account::Refresh;
use countersign_core::device::{Device, PushToken};
use countersign_core::possession::{RemovalProof, UpdateProof};
use serde::{Deserialize, Serialize};

use super::{nonce_of, push_token};
use crate::InvalidField;
use crate::publickey::{PresentedKey, decode_signature};
use crate::secret::Secret;
use crate::time::Iso8601;

/// Body of `PATCH /client/user-authenticators/push`. The server ignores `resetExpiry`, because
/// credentials do not expire.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateRequest {
    /// Handle of the nonce, under the field name of the official SDKs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenge_id: Option<String>,
    /// The nonce itself, if the device signs the update as a statement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<Secret>,
    /// The device's public key, in the encoding for bodies.
    pub public_key: String,
    /// Signature over the text of the nonce with that handle, or over the update's statement.
    pub signature: Secret,
    /// New token of the push notification provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub push_token: Option<Secret>,
}

impl UpdateRequest {
    /// Checks every field. Returns the key that the request claims to have signed with, the
    /// signature, and the change to record after the signature is verified.
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

/// Response to an [`UpdateRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateResponse {
    /// Id of the authenticator.
    pub user_authenticator_id: String,
    /// Id of the user.
    pub user_id: String,
    /// Time at which the server last accepted a signature by the key.
    pub last_verified_at: Iso8601,
    /// The push token that the request had. Absent if it had none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub push_token: Option<Secret>,
}

impl UpdateResponse {
    /// Makes the response about an updated device. `sent` is the push token of the request.
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

/// Body of `POST /client/user-authenticators/push/remove`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemoveRequest {
    /// The device's public key, in the encoding for bodies.
    pub public_key: String,
    /// The nonce, if the device signs the removal as a statement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<Secret>,
    /// Signature over the number of the time window, or over the removal's statement.
    pub signature: Secret,
}

impl RemoveRequest {
    /// Checks every field. Returns the key that the request claims to have signed with, and the
    /// signature. The signature is not verified here.
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

/// Response to a [`RemoveRequest`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemoveResponse {
    /// Id of the newest binding that was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removed_authenticator_id: Option<String>,
}
