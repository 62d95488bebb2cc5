//! The body of every answer that is not 200.

use serde::{Deserialize, Serialize};

use crate::reason::Reason;

/// The contract's error codes that this server sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// Wrong tenant or secret, or a right is missing.
    Unauthorized,
    /// The bearer token's lifetime is over.
    ExpiredToken,
    /// The bearer token is missing, or not one that serves here.
    InvalidToken,
    /// A parameter or the body breaks a rule.
    InvalidRequest,
    /// The tenant is not set up for this.
    InvalidConfiguration,
    /// The device's key is not enrolled, or its signature does not verify.
    InvalidCredential,
    /// A limit of rate or number is reached.
    TooManyRequests,
    /// Overload, or the store cannot be reached: the same request may succeed later.
    TemporarilyUnavailable,
}

impl ErrorCode {
    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::ExpiredToken => "expired_token",
            Self::InvalidToken => "invalid_token",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidConfiguration => "invalid_configuration",
            Self::InvalidCredential => "invalid_credential",
            Self::TooManyRequests => "too_many_requests",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
        }
    }
}

/// An error. The official SDKs read different keys, so the contract's three are always there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorBody {
    /// The code.
    pub error: String,
    /// The code once more.
    pub error_code: String,
    /// Text for people.
    pub error_description: String,
    /// The stable name of the cause: a row of [`Reason`].
    #[serde(default)]
    pub reason: String,
    /// The open challenge that is in the way, where one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub challenge_id: Option<String>,
}

impl ErrorBody {
    /// An error with a text for people.
    #[must_use]
    pub fn new(reason: Reason, description: impl Into<String>) -> Self {
        let code = reason.code().name();
        Self {
            error: code.to_owned(),
            error_code: code.to_owned(),
            error_description: description.into(),
            reason: reason.name().to_owned(),
            challenge_id: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_the_contracts_three_keys_and_its_reason() {
        let body = ErrorBody::new(Reason::TokenExpired, "token lifetime is over");
        assert_eq!(
            serde_json::to_value(&body).unwrap(),
            serde_json::json!({"error": "expired_token", "errorCode": "expired_token",
                "errorDescription": "token lifetime is over", "reason": "token_expired"})
        );
    }
}
