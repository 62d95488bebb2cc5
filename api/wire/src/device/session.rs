//! Nonces, and device sessions: one signature, then reads with a bearer token.

use countersign_core::nonce::Nonce;
use serde::{Deserialize, Serialize};

use super::nonce_of;
use crate::InvalidField;
use crate::publickey::{PresentedKey, decode_signature};
use crate::secret::Secret;

/// Answer to `POST /client/user-authenticators/push/challenge/sign`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NonceResponse {
    /// The text to sign.
    pub message: Secret,
}

/// Answer to `POST /client/user-authenticators/push/sign`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateNonceResponse {
    /// The nonce's handle; no challenge has this name.
    pub challenge_id: String,
    /// The text to sign.
    pub message: Secret,
}

/// `POST /client/user-authenticators/push/session/nonce`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionNonceRequest {
    /// The key, in the form of bodies.
    pub public_key: String,
}

impl SessionNonceRequest {
    /// Checks the key's form.
    ///
    /// # Errors
    /// [`InvalidField`].
    pub fn into_core(self) -> Result<PresentedKey, InvalidField> {
        PresentedKey::from_body(&self.public_key)
    }
}

/// Answer to [`SessionNonceRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionNonceResponse {
    /// For one session, update or removal statement: base64url of 32 bytes, without padding.
    pub nonce: Secret,
}

impl From<&Nonce> for SessionNonceResponse {
    fn from(nonce: &Nonce) -> Self {
        Self { nonce: Secret::new(nonce.encoded()) }
    }
}

/// `POST /client/user-authenticators/push/session`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionRequest {
    /// The key, in the form of bodies.
    pub public_key: String,
    /// The server's nonce.
    pub nonce: Secret,
    /// Over the session's statement.
    pub signature: Secret,
}

impl SessionRequest {
    /// Checks every field. The answer is the key that is said to have signed, the server's nonce as
    /// the device repeats it, and the signature.
    ///
    /// # Errors
    /// [`InvalidField`].
    pub fn into_core(self) -> Result<(PresentedKey, Nonce, Vec<u8>), InvalidField> {
        let key = PresentedKey::from_body(&self.public_key)?;
        Ok((key, nonce_of(&self.nonce)?, decode_signature(self.signature.reveal())?))
    }
}

/// Answer to [`SessionRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionResponse {
    /// A bearer token for reads of the credential and of its pending challenges.
    pub token: Secret,
    /// Lifetime of the token, in seconds.
    pub expires_in: u64,
}
