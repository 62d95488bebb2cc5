//! Bodies of requests that read an action or override its state.

use countersign_core::action::{self, Action};
use countersign_core::id::ActionCode;
use countersign_core::policy::{ACTION_QUERY_CODES_MAX, ACTION_QUERY_MS_MAX, ACTIONS_MAX};
use countersign_core::query::ActionQuery;
use countersign_core::time::UnixMillis;
use serde::{Deserialize, Serialize};

use crate::InvalidField;
use crate::custom::Object;
use crate::field::text;
use crate::names::{ActionState, VerificationMethod};
use crate::spelling::ServerRequest;
use crate::time::Iso8601;

/// Response to `GET` and `PATCH /users/{userId}/actions/{action}/{idempotencyKey}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetActionResponse {
    /// The action's state.
    pub state: ActionState,
    /// Time at which the state last changed.
    pub state_updated_at: Iso8601,
    /// Time at which the backend first tracked the action.
    pub created_at: Iso8601,
    /// Method by which the user confirmed. Absent unless a device confirmed the action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verification_method: Option<VerificationMethod>,
    /// Values that the device showed and its person approved: the members of the display text.
    /// Absent if the device signed neither the display text nor a read of it, and after the relying
    /// party overrode the state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approved: Option<Object>,
    /// Always empty, because this server has no rules engine.
    pub rules: Vec<serde_json::Value>,
    /// Always empty, because this server has no rules engine.
    pub rule_ids: Vec<String>,
    /// Always empty. Some SDKs need the field to be present.
    pub output: Object,
}

impl From<&Action> for GetActionResponse {
    fn from(action: &Action) -> Self {
        Self {
            state: action.state.into(),
            state_updated_at: action.state_updated_at.into(),
            created_at: action.created_at.into(),
            verification_method: verification_method(action),
            approved: approved(action),
            rules: Vec::new(),
            rule_ids: Vec::new(),
            output: Object::new(),
        }
    }
}

/// Body of `PATCH /users/{userId}/actions/{action}/{idempotencyKey}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UpdateActionRequest {
    /// The action's new state.
    pub state: ActionState,
}

impl ServerRequest for UpdateActionRequest {
    const UNREAD: &'static [&'static str] = &["custom"];
}

/// One element of the response to `GET /users/{userId}/actions`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are described in the wire contract under these names")]
pub struct ActionItem {
    pub action_code: String,
    pub idempotency_key: String,
    pub created_at: Iso8601,
    pub updated_at: Iso8601,
    pub state: ActionState,
    pub state_updated_at: Iso8601,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verification_method: Option<VerificationMethod>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified_by_authenticator_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<String>,
}

impl From<&Action> for ActionItem {
    fn from(action: &Action) -> Self {
        let verified_by =
            action.decided_by.as_ref().filter(|_| verification_method(action).is_some());
        Self {
            action_code: action.key.code.as_str().to_owned(),
            idempotency_key: action.key.idempotency_key.as_str().to_owned(),
            created_at: action.created_at.into(),
            updated_at: action.state_updated_at.into(),
            state: action.state.into(),
            state_updated_at: action.state_updated_at.into(),
            verification_method: verification_method(action),
            verified_by_authenticator_id: verified_by.map(|id| id.as_str().to_owned()),
            user_agent: text(action.context.user_agent.as_ref()),
            ip_address: text(action.context.ip_address.as_ref()),
        }
    }
}

/// Query string of `GET /users/{userId}/actions`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActionsQuery {
    /// Earliest creation time to list, in ISO 8601. The default is 30 days ago, and an earlier time
    /// counts as 30 days ago.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_date: Option<String>,
    /// Action codes to list, separated by commas. If absent, actions of every code are listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub codes: Option<String>,
    /// State of the actions to list. If absent, actions in every state are listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

impl ServerRequest for ActionsQuery {}

impl ActionsQuery {
    /// Checks every field and converts the query for the core. Empty texts count as absent.
    ///
    /// # Errors
    /// [`InvalidField`].
    pub fn into_core(self, now: UnixMillis) -> Result<ActionQuery, InvalidField> {
        let earliest = now.minus_ms(ACTION_QUERY_MS_MAX);
        let from = self.from_date.filter(|t| !t.is_empty()).map(|t| Iso8601::parse(&t));
        let from = from.transpose().map_err(|e| InvalidField::new("fromDate", e.to_string()))?;
        let codes = self.codes.unwrap_or_default();
        let codes: Vec<_> = codes.split(',').map(str::trim).filter(|c| !c.is_empty()).collect();
        if codes.len() > ACTION_QUERY_CODES_MAX {
            let rule = format!("more than {ACTION_QUERY_CODES_MAX} codes");
            return Err(InvalidField::new("codes", rule));
        }
        let parse =
            |code: &&str| ActionCode::parse(code).map_err(|e| InvalidField::id("codes", &e));
        let state = self.state.filter(|s| !s.is_empty());
        let state = state.map(|name| {
            let state = ActionState::from_name(&name).map(action::ActionState::from);
            state.ok_or_else(|| InvalidField::new("state", "must be the name of an action state"))
        });
        Ok(ActionQuery {
            from: from.map_or(earliest, |t| t.0.max(earliest)),
            codes: codes.iter().map(parse).collect::<Result<_, _>>()?,
            state: state.transpose()?,
            limit: ACTIONS_MAX,
        })
    }
}

/// Returns the method by which the user confirmed. None unless a device approved and the action is
/// in the state `ChallengeSucceeded`, because only then has a device confirmed.
pub(crate) fn verification_method(action: &Action) -> Option<VerificationMethod> {
    let succeeded = action.state == action::ActionState::ChallengeSucceeded;
    (succeeded && action.decided_by.is_some()).then_some(VerificationMethod::Push)
}

/// Returns the values that a device showed and its person approved, if they are known and the
/// action is in the state `ChallengeSucceeded`.
pub(crate) fn approved(action: &Action) -> Option<Object> {
    let succeeded = action.state == action::ActionState::ChallengeSucceeded;
    let text = action.approved.as_ref().filter(|_| succeeded)?;
    serde_json::from_str(text.as_str()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_735_689_600_000);

    fn filter(from: &str, codes: &str, state: &str) -> Result<ActionQuery, InvalidField> {
        let text = |t: &str| Some(t.to_owned());
        let query = ActionsQuery { from_date: text(from), codes: text(codes), state: text(state) };
        query.into_core(NOW)
    }

    #[test]
    fn a_query_looks_back_thirty_days_at_most() {
        let earliest = NOW.minus_ms(ACTION_QUERY_MS_MAX);
        assert_eq!(ActionsQuery::default().into_core(NOW).unwrap().from, earliest);
        assert_eq!(filter("2020-01-01", "", "").unwrap().from, earliest);
        assert_eq!(filter("2024-12-31T23:59:59.000Z", "", "").unwrap().from, NOW.minus_ms(1000));
    }

    #[test]
    fn a_query_names_the_field_that_is_wrong() {
        assert_eq!(filter("soon", "", "").unwrap_err().field, "fromDate");
        assert_eq!(filter("", "a b", "").unwrap_err().field, "codes");
        assert_eq!(filter("", &"a,".repeat(51), "").unwrap_err().field, "codes");
        assert_eq!(filter("", "", "DONE").unwrap_err().field, "state");
        let filter = filter("", "signIn, pay,", "ALLOW").unwrap();
        assert_eq!(filter.codes.len(), 2);
        assert_eq!(filter.state, Some(action::ActionState::Allow));
    }
}
