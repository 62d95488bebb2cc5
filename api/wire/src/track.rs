//! Tracking an action.

use countersign_core::account::ProfilePatch;
use countersign_core::action::{Action, ActionContext};
use countersign_core::id::IdempotencyKey;
use countersign_core::policy::{
    ATTRIBUTE_BYTES_MAX, CONTEXT_BYTES_MAX, REDIRECT_URL_BYTES_MAX, SCOPE_BYTES_MAX,
    USER_AGENT_BYTES_MAX,
};
use serde::{Deserialize, Serialize};

use crate::InvalidField;
use crate::custom::{self, Object};
use crate::field;
use crate::names::{ActionState, VerificationMethod};
use crate::secret::Secret;

/// `POST /users/{userId}/actions/{action}`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are described in the wire contract under these names")]
pub struct TrackRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect_to_settings: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom: Option<Object>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
}

/// A [`TrackRequest`] whose fields are checked.
#[derive(Clone, Debug)]
pub struct TrackParts {
    /// The instance's name; the server makes one where it is absent.
    pub idempotency_key: Option<IdempotencyKey>,
    /// Where the action began.
    pub context: ActionContext,
    /// What the request says about the user.
    pub profile: ProfilePatch,
    /// Scopes for the token, separated by spaces.
    pub scope: Option<String>,
    /// Where the hosted page returns to. Whether it may is for the page to decide.
    pub redirect_url: Option<String>,
    /// Whether the hosted page ends on its settings.
    pub redirect_to_settings: bool,
}

impl TrackRequest {
    /// Checks every field. Empty texts count as absent.
    ///
    /// # Errors
    /// [`InvalidField`].
    pub fn into_core(self) -> Result<TrackParts, InvalidField> {
        let attribute =
            |name, text: &Option<String>| field::line(name, text.as_deref(), ATTRIBUTE_BYTES_MAX);
        let context =
            |name, text: &Option<String>| field::line(name, text.as_deref(), CONTEXT_BYTES_MAX);
        let key = self.idempotency_key.as_deref();
        Ok(TrackParts {
            idempotency_key: field::id("idempotencyKey", key, IdempotencyKey::parse)?,
            profile: ProfilePatch {
                email: attribute("email", &self.email)?,
                phone_number: attribute("phoneNumber", &self.phone_number)?,
                username: attribute("username", &self.username)?,
                locale: attribute("locale", &self.locale)?,
                ..ProfilePatch::default()
            },
            context: ActionContext {
                ip_address: context("ipAddress", &self.ip_address)?,
                // Browsers write it, not the relying party: it is made safe and not refused.
                user_agent: field::cleaned(self.user_agent.as_deref(), USER_AGENT_BYTES_MAX),
                device_id: context("deviceId", &self.device_id)?,
                custom: custom::canonical(self.custom.as_ref())?,
            },
            scope: field::ascii("scope", self.scope, SCOPE_BYTES_MAX)?,
            redirect_url: field::ascii("redirectUrl", self.redirect_url, REDIRECT_URL_BYTES_MAX)?,
            redirect_to_settings: self.redirect_to_settings.unwrap_or(false),
        })
    }
}

/// Answer to [`TrackRequest`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TrackResponse {
    /// The instance's name.
    pub idempotency_key: String,
    /// The action's state.
    pub state: ActionState,
    /// The hosted page. It has a query with the token in it, and is never absent.
    pub url: Secret,
    /// The token for the Client API.
    pub token: Secret,
    /// Whether the user has an authenticator.
    pub is_enrolled: bool,
    /// `PUSH` where the user is enrolled.
    pub enrolled_verification_methods: Vec<VerificationMethod>,
    /// `PUSH`.
    pub allowed_verification_methods: Vec<VerificationMethod>,
    /// `PUSH` where the user is enrolled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_verification_method: Option<VerificationMethod>,
    /// Always empty: there is no rules engine.
    pub rule_ids: Vec<String>,
}

impl TrackResponse {
    /// The answer about an action, with a token made for it.
    #[must_use]
    pub fn new(action: &Action, is_enrolled: bool, token: Secret, url: Secret) -> Self {
        let push = is_enrolled.then_some(VerificationMethod::Push);
        Self {
            idempotency_key: action.key.idempotency_key.as_str().to_owned(),
            state: action.state.into(),
            url,
            token,
            is_enrolled,
            enrolled_verification_methods: push.into_iter().collect(),
            allowed_verification_methods: vec![VerificationMethod::Push],
            default_verification_method: push,
            rule_ids: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse_strict;

    fn parts(body: &str) -> Result<TrackParts, InvalidField> {
        parse_strict::<TrackRequest>(body.as_bytes()).unwrap().into_core()
    }

    #[test]
    fn an_empty_request_says_nothing() {
        for body in ["", "{}", r#"{"email":null,"redirectToSettings":null,"custom":null,"more":1}"#]
        {
            let parts = parts(body).unwrap();
            assert_eq!(parts.idempotency_key, None);
            assert_eq!(parts.context, ActionContext::default());
            assert_eq!(parts.profile, ProfilePatch::default());
            assert!(!parts.redirect_to_settings);
        }
    }

    #[test]
    fn a_browsers_own_text_is_made_safe_and_the_relying_partys_is_refused() {
        let parts_of = |field: &str| parts(&format!("{{\"{field}\":\"a\\u202eb\"}}"));
        let context = parts_of("userAgent").unwrap().context;
        assert_eq!(context.user_agent.unwrap().as_str(), "a\u{fffd}b");
        for field in ["email", "phoneNumber", "username", "ipAddress", "deviceId", "locale"] {
            assert_eq!(parts_of(field).unwrap_err().field, field);
        }
    }

    #[test]
    fn limits_name_their_field() {
        let long = "x".repeat(5000);
        for field in [
            "idempotencyKey",
            "email",
            "phoneNumber",
            "username",
            "ipAddress",
            "deviceId",
            "scope",
            "redirectUrl",
        ] {
            let error = parts(&format!("{{\"{field}\":\"{long}\"}}")).unwrap_err();
            assert_eq!(error.field, field);
            assert!(!error.to_string().contains("xxx"));
        }
        assert_eq!(parts(r#"{"idempotencyKey":""}"#).unwrap_err().field, "idempotencyKey");
    }

    #[test]
    fn a_mistyped_field_is_an_error() {
        for body in [r#"{"email":1}"#, r#"{"custom":[]}"#, r#"{"redirectToSettings":"yes"}"#] {
            assert!(parse_strict::<TrackRequest>(body.as_bytes()).is_err(), "{body}");
        }
    }
}
