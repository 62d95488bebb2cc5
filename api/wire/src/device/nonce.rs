//! Nonces as the official SDKs ask for them.

use serde::{Deserialize, Serialize};

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
