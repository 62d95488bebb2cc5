//! Telling news about a device.

use countersign_core::account::Refresh;
use countersign_core::device::{Device, PushToken};
use countersign_core::nonce::Nonce;
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

/// Nonce of an update, which decides about the signed message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpdateNonce {
    /// The text of the nonce with that handle is signed.
    Handle(String),
    /// The update's statement with that nonce is signed.
    Statement(Nonce),
}

/// An [`UpdateRequest`] whose fields are checked.
#[derive(Clone, Debug)]
pub struct Update {
    /// The key that is said to have signed.
    pub key: PresentedKey,
    /// Nonce of the signature.
    pub nonce: UpdateNonce,
    /// Nothing about it is known to be true.
    pub signature: Vec<u8>,
    /// The change to record once the signature is verified.
    pub refresh: Refresh,
}

impl UpdateRequest {
    /// Checks every field.
    ///
    /// # Errors
    /// [`InvalidField`].
    pub fn into_core(self) -> Result<Update, InvalidField> {
        let nonce = match (self.challenge_id, self.nonce) {
            (Some(handle), None) => UpdateNonce::Handle(handle),
            (None, Some(nonce)) => UpdateNonce::Statement(nonce_of(&nonce)?),
            (None, None) => {
                return Err(InvalidField::new("challengeId", "must be there, or nonce"));
            }
            (Some(_), Some(_)) => {
                return Err(InvalidField::new("nonce", "cannot stand beside challengeId"));
            }
        };
        Ok(Update {
            key: PresentedKey::from_body(&self.public_key)?,
            signature: decode_signature(self.signature.reveal())?,
            refresh: Refresh { push_token: push_token(self.push_token.as_ref())? },
            nonce,
        })
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
