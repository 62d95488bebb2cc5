//! Bodies with which a relying party's backend reads and writes users.

mod query;

pub use query::{UserItem, UsersPage, UsersQuery};

use countersign_core::account::{Edit, Profile, ProfilePatch};
use countersign_core::policy::ATTRIBUTE_BYTES_MAX;
use serde::{Deserialize, Deserializer, Serialize};

use crate::InvalidField;
use crate::custom::{self, Object};
use crate::field::{self, text};
use crate::names::VerificationMethods;
use crate::spelling::ServerRequest;

/// A user's attributes. This is the response to `PATCH` and `POST /users/{userId}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are described in the wire contract under these names")]
pub struct UserAttributes {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(default)]
    pub email_verified: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
    #[serde(default)]
    pub phone_number_verified: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom: Option<Object>,
}

impl From<&Profile> for UserAttributes {
    fn from(profile: &Profile) -> Self {
        Self {
            email: text(profile.email.as_ref()),
            email_verified: profile.email_verified,
            phone_number: text(profile.phone_number.as_ref()),
            phone_number_verified: profile.phone_number_verified,
            username: text(profile.username.as_ref()),
            display_name: text(profile.display_name.as_ref()),
            locale: text(profile.locale.as_ref()),
            custom: profile.custom.as_deref().map(custom::all),
        }
    }
}

/// Response to `GET /users/{userId}`. Unknown users get one too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserResponse {
    /// True if the user has an authenticator.
    pub is_enrolled: bool,
    /// The user's attributes.
    #[serde(flatten)]
    pub attributes: UserAttributes,
    /// Methods by which the user may confirm.
    #[serde(flatten)]
    pub methods: VerificationMethods,
}

impl UserResponse {
    /// Makes the response about a user. `profile` is None for an unknown user.
    #[must_use]
    pub fn new(profile: Option<&Profile>, is_enrolled: bool) -> Self {
        Self {
            is_enrolled,
            attributes: profile.map(UserAttributes::from).unwrap_or_default(),
            methods: VerificationMethods::of_user(is_enrolled),
        }
    }
}

/// Body of `PATCH` and `POST /users/{userId}`. Attributes that are absent stay unchanged.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are described in the wire contract under these names")]
pub struct UpdateUserRequest {
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub email: Attribute,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_verified: Option<bool>,
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub phone_number: Attribute,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_number_verified: Option<bool>,
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub username: Attribute,
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub display_name: Attribute,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    #[serde(default, deserialize_with = "custom::object", skip_serializing_if = "Option::is_none")]
    pub custom: Option<Object>,
}

impl ServerRequest for UpdateUserRequest {}

/// A change of one attribute. `None` keeps it, `Some(None)` (from `null`) clears it, and
/// `Some(Some(text))` sets it. An empty text clears it too.
pub type Attribute = Option<Option<String>>;

/// Parses an attribute that is present in the request, so that `null` differs from an absent
/// attribute.
fn given<'de, D: Deserializer<'de>>(reader: D) -> Result<Attribute, D::Error> {
    Option::deserialize(reader).map(Some)
}

fn edit(name: &'static str, attribute: Attribute) -> Result<Edit, InvalidField> {
    let Some(text) = attribute else { return Ok(Edit::Keep) };
    field::line(name, text.as_deref(), ATTRIBUTE_BYTES_MAX).map(Edit::set_or_clear)
}

impl UpdateUserRequest {
    /// Checks every field. An empty locale counts as absent, so the stored one stays.
    ///
    /// # Errors
    /// [`InvalidField`].
    pub fn into_core(self) -> Result<ProfilePatch, InvalidField> {
        Ok(ProfilePatch {
            email: edit("email", self.email)?,
            email_verified: self.email_verified,
            phone_number: edit("phoneNumber", self.phone_number)?,
            phone_number_verified: self.phone_number_verified,
            username: edit("username", self.username)?,
            display_name: edit("displayName", self.display_name)?,
            locale: field::line("locale", self.locale.as_deref(), ATTRIBUTE_BYTES_MAX)?,
            custom: custom::canonical(self.custom.as_ref())?,
        })
    }
}

/// Response to a request that deletes a user or an authenticator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deleted {
    /// Always true.
    pub success: bool,
}

#[cfg(test)]
mod tests {
    use countersign_core::text::Line;
    use serde_json::json;

    use super::*;

    #[test]
    fn an_unknown_user_is_one_that_is_not_enrolled() {
        let body = serde_json::to_value(UserResponse::new(None, false)).unwrap();
        assert_eq!(
            body,
            json!({"isEnrolled": false, "emailVerified": false, "phoneNumberVerified": false,
                   "enrolledVerificationMethods": [], "allowedVerificationMethods": ["PUSH"]})
        );
    }

    #[test]
    fn attributes_come_back_as_they_were_set() {
        let sent = json!({"email": "a@example.com", "emailVerified": true, "phoneNumber": "+4470",
            "displayName": "Ann", "locale": "en", "username": "ann",
            "custom": {"b": [1], "a": "x"}});
        let request: UpdateUserRequest = serde_json::from_value(sent.clone()).unwrap();
        let profile = Profile::default().patched(&request.into_core().unwrap());
        let mut got = serde_json::to_value(UserAttributes::from(&profile)).unwrap();
        assert_eq!(got.as_object_mut().unwrap().remove("phoneNumberVerified"), Some(json!(false)));
        assert_eq!(got, sent);
    }

    #[test]
    fn null_and_an_empty_text_take_an_attribute_away_and_absence_does_not() {
        let line = |text| Some(Line::cleaned(text, 100));
        let known = Profile {
            email: line("a@x"),
            email_verified: true,
            phone_number: line("+1"),
            username: line("ann"),
            display_name: line("Ann"),
            locale: line("en"),
            custom: Some("{}".into()),
            ..Profile::default()
        };
        let patched = |body: &str| {
            let request: UpdateUserRequest = serde_json::from_str(body).unwrap();
            known.patched(&request.into_core().unwrap())
        };
        assert!(patched("{}") == known);
        assert!(patched(r#"{"locale":null,"custom":null,"emailVerified":null}"#) == known);
        for empty in ["null", "\"\""] {
            let cleared = patched(&format!(
                r#"{{"email":{empty},"phoneNumber":{empty},
                     "username":{empty},"displayName":{empty}}}"#
            ));
            let rest =
                Profile { locale: line("en"), custom: Some("{}".into()), ..Profile::default() };
            assert!(cleared == rest, "{empty}");
        }
    }
}
