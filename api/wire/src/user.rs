//! Users, as the relying party's backend reads and writes them.

use countersign_core::account::{Edit, Profile, ProfilePatch};
use countersign_core::id::UserId;
use countersign_core::policy::{ATTRIBUTE_BYTES_MAX, USERS_PAGE_MAX};
use countersign_core::text::Line;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::InvalidField;
use crate::custom::{self, Object};
use crate::field;
use crate::names::VerificationMethod;
use crate::spelling::ServerRequest;

/// A user's attributes: the answer to `PATCH` and `POST /users/{userId}`.
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

/// Answer to `GET /users/{userId}`, for unknown users too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserResponse {
    /// True if the user has an authenticator.
    pub is_enrolled: bool,
    /// The user's data.
    #[serde(flatten)]
    pub attributes: UserAttributes,
    /// `PUSH` where the user is enrolled.
    pub enrolled_verification_methods: Vec<VerificationMethod>,
    /// `PUSH`.
    pub allowed_verification_methods: Vec<VerificationMethod>,
    /// `PUSH` where the user is enrolled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_verification_method: Option<VerificationMethod>,
}

impl UserResponse {
    /// The answer about a user; no profile means that the user is unknown.
    #[must_use]
    pub fn new(profile: Option<&Profile>, is_enrolled: bool) -> Self {
        let push = is_enrolled.then_some(VerificationMethod::Push);
        Self {
            is_enrolled,
            attributes: profile.map(UserAttributes::from).unwrap_or_default(),
            enrolled_verification_methods: push.into_iter().collect(),
            allowed_verification_methods: vec![VerificationMethod::Push],
            default_verification_method: push,
        }
    }
}

/// `PATCH` and `POST /users/{userId}`: absent attributes stay as they are.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are described in the wire contract under these names")]
pub struct UpdateUserRequest {
    #[serde(default, skip_serializing_if = "Attribute::is_kept")]
    pub email: Attribute,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_verified: Option<bool>,
    #[serde(default, skip_serializing_if = "Attribute::is_kept")]
    pub phone_number: Attribute,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_number_verified: Option<bool>,
    #[serde(default, skip_serializing_if = "Attribute::is_kept")]
    pub username: Attribute,
    #[serde(default, skip_serializing_if = "Attribute::is_kept")]
    pub display_name: Attribute,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    #[serde(default, deserialize_with = "custom::object", skip_serializing_if = "Option::is_none")]
    pub custom: Option<Object>,
}

impl ServerRequest for UpdateUserRequest {}

/// An attribute that a request sets, or takes away by `null` or an empty text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Attribute {
    /// It is not in the request.
    #[default]
    Keep,
    /// It is null or empty.
    Clear,
    /// It is this.
    Set(String),
}

impl Attribute {
    /// Tells whether the request does not name it.
    #[must_use]
    pub const fn is_kept(&self) -> bool {
        matches!(self, Self::Keep)
    }

    fn edit(&self, name: &'static str) -> Result<Edit, InvalidField> {
        match self {
            Self::Keep => Ok(Edit::Keep),
            Self::Clear => Ok(Edit::Clear),
            Self::Set(text) => {
                field::line(name, Some(text.as_str()), ATTRIBUTE_BYTES_MAX).map(Edit::set_or_clear)
            }
        }
    }
}

impl From<&str> for Attribute {
    fn from(text: &str) -> Self {
        Some(text).filter(|t| !t.is_empty()).map_or(Self::Clear, |t| Self::Set(t.to_owned()))
    }
}

impl Serialize for Attribute {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Keep | Self::Clear => serializer.serialize_none(),
            Self::Set(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for Attribute {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty());
        Ok(text.map_or(Self::Clear, Self::Set))
    }
}

impl UpdateUserRequest {
    /// Checks every field. An empty locale counts as absent.
    ///
    /// # Errors
    /// [`InvalidField`].
    pub fn into_core(self) -> Result<ProfilePatch, InvalidField> {
        Ok(ProfilePatch {
            email: self.email.edit("email")?,
            email_verified: self.email_verified,
            phone_number: self.phone_number.edit("phoneNumber")?,
            phone_number_verified: self.phone_number_verified,
            username: self.username.edit("username")?,
            display_name: self.display_name.edit("displayName")?,
            locale: field::line("locale", self.locale.as_deref(), ATTRIBUTE_BYTES_MAX)?,
            custom: custom::canonical(self.custom.as_ref())?,
        })
    }
}

/// Query string of `GET /users`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UsersQuery {
    /// Exact user name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// E-mail address, in any case of its ASCII letters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Exact phone number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
    /// Users in the answer, at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<String>,
    /// End of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_evaluated_user_id: Option<String>,
}

impl ServerRequest for UsersQuery {}

/// A [`UsersQuery`] whose fields are checked. At least one attribute is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsersFilter {
    /// Exact user name.
    pub username: Option<String>,
    /// E-mail address, in any case of its ASCII letters.
    pub email: Option<String>,
    /// Exact phone number.
    pub phone_number: Option<String>,
    /// Only users after this one.
    pub after: Option<UserId>,
    /// Users in the answer, at most: 1 to [`USERS_PAGE_MAX`].
    pub limit: usize,
}

impl UsersQuery {
    /// Checks every field. Empty texts count as absent.
    ///
    /// # Errors
    /// [`InvalidField`], also if no attribute is given: users are found and not listed.
    pub fn into_core(self) -> Result<UsersFilter, InvalidField> {
        let attribute = |name, text: &Option<String>| {
            let line = field::line(name, text.as_deref(), ATTRIBUTE_BYTES_MAX)?;
            Ok(line.map(|l| l.as_str().to_owned()))
        };
        let limit = self.limit.filter(|l| !l.is_empty()).map(|l| l.parse::<usize>());
        let limit = limit
            .transpose()
            .ok()
            .filter(|l| *l != Some(0))
            .ok_or_else(|| InvalidField::new("limit", "must be a whole number above 0"))?;
        let after = self.last_evaluated_user_id.as_deref().filter(|t| !t.is_empty());
        let filter = UsersFilter {
            username: attribute("username", &self.username)?,
            email: attribute("email", &self.email)?,
            phone_number: attribute("phoneNumber", &self.phone_number)?,
            after: field::id("lastEvaluatedUserId", after, UserId::parse)?,
            limit: limit.unwrap_or(USERS_PAGE_MAX).min(USERS_PAGE_MAX),
        };
        let given = [&filter.username, &filter.email, &filter.phone_number];
        if given.iter().all(|g| g.is_none()) {
            let rule = "or email or phoneNumber must be given";
            return Err(InvalidField::new("username", rule));
        }
        Ok(filter)
    }
}

/// Answer to `GET /users`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UsersPage {
    /// The users, by id.
    pub users: Vec<UserItem>,
    /// Start of the next page, if there may be one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_evaluated_user_id: Option<String>,
}

/// One element of a [`UsersPage`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are described in the wire contract under these names")]
pub struct UserItem {
    pub user_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    pub email_verified: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
    pub phone_number_verified: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
}

impl UsersPage {
    /// A page of users that was asked for with a limit.
    #[must_use]
    pub fn new<'u>(
        users: impl IntoIterator<Item = (&'u UserId, &'u Profile)>,
        limit: usize,
    ) -> Self {
        let item = |(id, profile): (&UserId, &Profile)| UserItem {
            user_id: id.as_str().to_owned(),
            email: text(profile.email.as_ref()),
            email_verified: profile.email_verified,
            phone_number: text(profile.phone_number.as_ref()),
            phone_number_verified: profile.phone_number_verified,
            username: text(profile.username.as_ref()),
        };
        let users: Vec<_> = users.into_iter().map(item).collect();
        let full = users.len() >= limit;
        let last = users.last().filter(|_| full).map(|u| u.user_id.clone());
        Self { users, last_evaluated_user_id: last }
    }
}

/// Answer to the deletion of a user or an authenticator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deleted {
    /// True.
    pub success: bool,
}

fn text(line: Option<&Line>) -> Option<String> {
    line.map(|l| l.as_str().to_owned())
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn a_query_needs_an_attribute_and_a_sound_limit() {
        let query = |email: &str, limit: &str| {
            let text = |t: &str| Some(t.to_owned());
            UsersQuery { email: text(email), limit: text(limit), ..UsersQuery::default() }
                .into_core()
        };
        assert_eq!(query("", "").unwrap_err().field, "username");
        for limit in ["0", "-1", "x", "99999999999999999999999"] {
            assert_eq!(query("a@x", limit).unwrap_err().field, "limit", "{limit}");
        }
        assert_eq!(query("a@x", "100000").unwrap().limit, USERS_PAGE_MAX);
        assert_eq!(query("a@x", "7").unwrap().limit, 7);
    }

    #[test]
    fn a_full_page_tells_where_the_next_begins() {
        let (id, profile) = (UserId::parse("u-1").unwrap(), Profile::default());
        let page = |limit| UsersPage::new([(&id, &profile)], limit).last_evaluated_user_id;
        assert_eq!(page(1).as_deref(), Some("u-1"));
        assert_eq!(page(2), None);
    }
}
