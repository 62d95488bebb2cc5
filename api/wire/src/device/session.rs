//! Bodies for nonces and for device sessions. A device session lets a device sign once and then
//! read with a bearer token.

use countersign_core::nonce::Nonce;
use serde::{Deserialize, Serialize};

use super::nonce_of;
use crate::InvalidField;
use crate::publickey::{PresentedKey, decode_signature};
use crate::secret::Secret;

/// Response to `POST /client/user-authenticators/push/challenge/sign`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NonceResponse {
    /// The text that the device has to sign.
    pub message: Secret,
}

/// Response to `POST /client/user-authenticators/push/sign`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateNonceResponse {
    /// Handle of the nonce. It is not the id of a challenge, although the field is named so.
    pub challenge_id: String,
    /// The text that the device has to sign.
    pub message: Secret,
}

/// Body of `POST /client/user-authenticators/push/session/nonce`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionNonceRequest {
    /// The device's public key, in the encoding for bodies.
    pub public_key: String,
}

impl SessionNonceRequest {
    /// Checks the encoding of the key.
    ///
    /// # Errors
    /// [`InvalidField`].
    pub fn into_core(self) -> Result<PresentedKey, InvalidField> {
        PresentedKey::from_body(&self.public_key)
    }
}

/// Response to a [`SessionNonceRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionNonceResponse {
    /// Nonce for one statement about a session, an update or a removal: unpadded base64url of 32
    /// bytes.
    pub nonce: Secret,
}

impl From<&Nonce> for SessionNonceResponse {
    fn from(nonce: &Nonce) -> Self {
        Self { nonce: Secret::new(nonce.encoded()) }
    }
}

/// Body of `POST /client/user-authenticators/push/session`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionRequest {
    /// The device's public key, in the encoding for bodies.
    pub public_key: String,
    /// A nonce that the server issued.
    pub nonce: Secret,
    /// Signature over the session's statement.
    pub signature: Secret,
}

impl SessionRequest {
    /// Checks every field. Returns the key that the request claims to have signed with, the nonce
    /// as the device sent it, and the signature. The signature is not verified here.
    ///
    /// # Errors
    /// [`InvalidField`].
    pub fn into_core(self) -> Result<(PresentedKey, Nonce, Vec<u8>), InvalidField> {
        let key = PresentedKey::from_body(&self.public_key)?;
        Ok((key, nonce_of(&self.nonce)?, decode_signature(self.signature.reveal())?))
    }
}

/// Response to a [`SessionRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionResponse {
    /// Bearer token with which the device reads its credential and its pending challenges.
    pub token: Secret,
    /// Lifetime of the token, in seconds.
    pub expires_in: u64,
}
