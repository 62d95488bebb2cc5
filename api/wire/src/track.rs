//! Bodies of the request that tracks an action.

use countersign_core::account::{Edit, ProfilePatch};
use countersign_core::action::{Action, ActionContext};
use countersign_core::id::IdempotencyKey;
use countersign_core::policy::{
    ATTRIBUTE_BYTES_MAX, CONTEXT_BYTES_MAX, REDIRECT_URL_BYTES_MAX, SCOPE_BYTES_MAX,
    USER_AGENT_BYTES_MAX,
};
use serde::{Deserialize, Serialize};

use crate::InvalidField;
use crate::address;
use crate::custom::{self, Object};
use crate::field;
use crate::names::{ActionState, VerificationMethods};
use crate::secret::Secret;
use crate::spelling::ServerRequest;

/// Body of `POST /users/{userId}/actions/{action}`.
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
    #[serde(default, deserialize_with = "custom::object", skip_serializing_if = "Option::is_none")]
    pub custom: Option<Object>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
}

/// A [`TrackRequest`] after the check of its fields.
#[derive(Clone, Debug)]
pub struct TrackParts {
    /// Idempotency key of the action. If absent, the server generates one.
    pub idempotency_key: Option<IdempotencyKey>,
    /// Context in which the action began, such as the browser and its address.
    pub context: ActionContext,
    /// Changes to the user's profile.
    pub profile: ProfilePatch,
    /// Scopes of the token, separated by spaces.
    pub scope: Option<String>,
    /// Return URL of the hosted page. Only its length and its characters are checked here; the page
    /// decides whether to use it.
    pub redirect_url: Option<String>,
    /// True if the hosted page ends on its settings page.
    pub redirect_to_settings: bool,
    /// True if `ipAddress` was not exactly one IP address. The address is then left out.
    pub has_other_address: bool,
}

impl ServerRequest for TrackRequest {
    /// `crypto` is here because one SDK sends it.
    const UNREAD: &'static [&'static str] = &["challengeId", "customDomain", "crypto"];
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
        let address = self.ip_address.as_deref().filter(|text| !text.is_empty());
        let ip_address = address.and_then(address::single);
        Ok(TrackParts {
            has_other_address: address.is_some() && ip_address.is_none(),
            idempotency_key: field::id("idempotencyKey", key, IdempotencyKey::parse)?,
            profile: ProfilePatch {
                email: Edit::set_or_keep(attribute("email", &self.email)?),
                phone_number: Edit::set_or_keep(attribute("phoneNumber", &self.phone_number)?),
                username: Edit::set_or_keep(attribute("username", &self.username)?),
                locale: attribute("locale", &self.locale)?,
                ..ProfilePatch::default()
            },
            context: ActionContext {
                ip_address,
                // The browser wrote this text, not the relying party. It is cleaned and never
                // rejected, because the relying party cannot correct it.
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

/// Response to a [`TrackRequest`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TrackResponse {
    /// Idempotency key of the action.
    pub idempotency_key: String,
    /// The action's state.
    pub state: ActionState,
    /// URL of the hosted page, with the token in its query. It is never absent.
    pub url: Secret,
    /// Token with which the browser calls the Client API.
    pub token: Secret,
    /// True if the user has an authenticator.
    pub is_enrolled: bool,
    /// Methods by which the user may confirm.
    #[serde(flatten)]
    pub methods: VerificationMethods,
    /// Always empty, because this server has no rules engine.
    pub rule_ids: Vec<String>,
}

impl TrackResponse {
    /// Makes the response about an action. `token` is a token of this action.
    #[must_use]
    pub fn new(action: &Action, is_enrolled: bool, token: Secret, url: Secret) -> Self {
        Self {
            idempotency_key: action.key.idempotency_key.as_str().to_owned(),
            state: action.state.into(),
            url,
            token,
            is_enrolled,
            methods: VerificationMethods::of_user(is_enrolled),
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
        for field in ["email", "phoneNumber", "username", "deviceId", "locale"] {
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
        for body in [
            r#"{"email":1}"#,
            r#"{"custom":[1]}"#,
            r#"{"custom":"{}"}"#,
            r#"{"redirectToSettings":"yes"}"#,
        ] {
            assert!(parse_strict::<TrackRequest>(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn an_empty_list_is_an_empty_object_where_an_object_is_expected() {
        assert_eq!(parts(r#"{"custom":[]}"#).unwrap().context.custom.as_deref(), Some("{}"));
        let nested = parts(r#"{"custom":{"a":[]}}"#).unwrap().context.custom;
        assert_eq!(nested.as_deref(), Some(r#"{"a":[]}"#), "what is in it is the caller's");
    }

    #[test]
    fn an_address_that_is_not_one_is_left_out_and_told() {
        let sent = |text: &str| parts(&format!("{{\"ipAddress\":\"{text}\"}}")).unwrap();
        let parts = sent("[2001:db8::1]:443");
        assert_eq!(parts.context.ip_address.unwrap().as_str(), "2001:db8::1");
        assert!(!parts.has_other_address);
        let long = "x".repeat(5000);
        for text in ["203.0.113.7, 10.0.0.1", "unknown", "a\\u202eb", &long] {
            let parts = sent(text);
            assert!(parts.context.ip_address.is_none() && parts.has_other_address, "{text:.20}");
        }
        assert!(!sent("").has_other_address, "an empty text says nothing");
    }
}
