//! Bodies of the request by which a relying party's backend validates a token.

use countersign_core::action::{self, Action};
use serde::{Deserialize, Serialize};

use crate::action::{approved, verification_method};
use crate::custom::Object;
use crate::names::{ActionState, VerificationMethod};
use crate::secret::Secret;
use crate::spelling::ServerRequest;
use crate::time::Iso8601;

/// Body of `POST /validate`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ValidateRequest {
    /// The browser's token. None if the browser returned without one. A missing token gives an
    /// ordinary response and not an error, because the person may have opened the return URL by
    /// hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<Secret>,
    /// The action that the backend expects the token to be for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// The user that the backend expects the token to belong to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
}

impl ServerRequest for ValidateRequest {}

/// Response to a [`ValidateRequest`]. Its status is 200 even if the token is not valid.
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
    /// Values that the device showed and the person approved; see
    /// [`GetActionResponse::approved`](crate::action::GetActionResponse::approved).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approved: Option<Object>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl ValidateResponse {
    /// Makes the response for a token of a known action. `stands` is false if the authenticator
    /// that approved the action was removed afterwards, because the approval then no longer counts.
    #[must_use]
    pub fn of(action: &Action, stands: bool) -> Self {
        let code = action.key.code.as_str();
        // Only this state means that a challenge was required and passed. `ALLOW` means that none
        // was required.
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

    /// Makes the response for a token that belongs to another user or action, or that is not valid.
    #[must_use]
    pub fn invalid(error: impl Into<String>) -> Self {
        Self { error: Some(error.into()), ..Self::default() }
    }
}
