//! Validating a token in the relying party's backend.

use countersign_core::action::{self, Action};
use serde::{Deserialize, Serialize};

use crate::action::{approved, verification_method};
use crate::custom::Object;
use crate::names::{ActionState, VerificationMethod};
use crate::secret::Secret;
use crate::spelling::ServerRequest;
use crate::time::Iso8601;

/// `POST /validate`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ValidateRequest {
    /// The token of the browser. None if the browser came back without one, which is an answer and
    /// no error: the person may have opened the way back by hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<Secret>,
    /// The action that the backend expects it to be for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// The user that the backend expects it to be of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
}

impl ServerRequest for ValidateRequest {}

/// Answer to [`ValidateRequest`], with status 200 also where the token is not valid.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are described in the wire contract under these names")]
pub struct ValidateResponse {
    pub is_valid: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<ActionState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_updated_at: Option<Iso8601>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verification_method: Option<VerificationMethod>,
    /// Values that were shown and approved; see
    /// [`GetActionResponse::approved`](crate::action::GetActionResponse::approved).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approved: Option<Object>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl ValidateResponse {
    /// Makes the answer for a token of a known action. `stands` tells whether its success, if it
    /// has succeeded, still holds: the approving authenticator was not taken away.
    #[must_use]
    pub fn of(action: &Action, stands: bool) -> Self {
        let code = action.key.code.as_str();
        // The one state that a challenge was needed and passed for: `ALLOW` is none.
        let is_valid = stands && action.state == action::ActionState::ChallengeSucceeded;
        Self {
            is_valid,
            state: Some(action.state.into()),
            state_updated_at: Some(action.state_updated_at.into()),
            user_id: Some(action.account.user.as_str().to_owned()),
            action: Some(code.to_owned()),
            action_code: Some(code.to_owned()),
            idempotency_key: Some(action.key.idempotency_key.as_str().to_owned()),
            verification_method: verification_method(action),
            approved: approved(action).filter(|_| is_valid),
            error: None,
        }
    }

    /// Makes the answer for a token that is for another user or action, or for nothing.
    #[must_use]
    pub fn invalid(error: impl Into<String>) -> Self {
        Self { error: Some(error.into()), ..Self::default() }
    }
}
