//! Body of every error response.

use serde::{Deserialize, Serialize};

use crate::reason::Reason;

/// An error. It repeats its code under two keys, because the official SDKs read different ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorBody {
    /// The error code of the contract.
    pub error: String,
    /// The same code, for SDKs that read this key.
    pub error_code: String,
    /// Description for people.
    pub error_description: String,
    /// The stable name of the cause: a row of [`Reason`].
    #[serde(default)]
    pub reason: String,
    /// Id of the open challenge that conflicts with the request, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub challenge_id: Option<String>,
}

impl ErrorBody {
    /// Makes an error from its reason and a description for people.
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
