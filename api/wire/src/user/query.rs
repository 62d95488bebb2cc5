//! Bodies of a search for users by their attributes.

use countersign_core::account::Profile;
use countersign_core::id::UserId;
use countersign_core::policy::{ATTRIBUTE_BYTES_MAX, USERS_PAGE_MAX};
use countersign_core::query::UserQuery;
use serde::{Deserialize, Serialize};

use crate::InvalidField;
use crate::field::{self, text};
use crate::spelling::ServerRequest;

/// Query string of `GET /users`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UsersQuery {
    /// User name. It must match exactly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// E-mail address. It must match, but the case of ASCII letters is ignored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Phone number. It must match exactly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
    /// Maximum number of users in the response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<String>,
    /// Id of the last user of the previous page. The next page begins after this user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_evaluated_user_id: Option<String>,
}

impl ServerRequest for UsersQuery {}

impl UsersQuery {
    /// Checks every field and converts the query for the core. Empty texts count as absent.
    ///
    /// # Errors
    /// [`InvalidField`], also if no attribute is present, because the server finds users by
    /// attributes and does not list all of them.
    pub fn into_core(self) -> Result<UserQuery, InvalidField> {
        let attribute = |name, given: &Option<String>| {
            let line = field::line(name, given.as_deref(), ATTRIBUTE_BYTES_MAX)?;
            Ok(text(line.as_ref()))
        };
        let limit = self.limit.filter(|l| !l.is_empty()).map(|l| l.parse::<usize>());
        let limit = limit
            .transpose()
            .ok()
            .filter(|l| *l != Some(0))
            .ok_or_else(|| InvalidField::new("limit", "must be a whole number above 0"))?;
        let after = self.last_evaluated_user_id.as_deref().filter(|t| !t.is_empty());
        let query = UserQuery {
            username: attribute("username", &self.username)?,
            email: attribute("email", &self.email)?,
            phone_number: attribute("phoneNumber", &self.phone_number)?,
            after: field::id("lastEvaluatedUserId", after, UserId::parse)?,
            limit: limit.unwrap_or(USERS_PAGE_MAX).min(USERS_PAGE_MAX),
        };
        let given = [&query.username, &query.email, &query.phone_number];
        if given.iter().all(|g| g.is_none()) {
            let rule = "or email or phoneNumber must be given";
            return Err(InvalidField::new("username", rule));
        }
        Ok(query)
    }
}

/// Response to `GET /users`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UsersPage {
    /// The users, in the order of their ids.
    pub users: Vec<UserItem>,
    /// Id of the last user on this page, for the request for the next page. Absent if this page is
    /// not full, because there is no next page then.
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
    /// Makes a page from users that were found with this limit.
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

#[cfg(test)]
mod tests {
    use super::*;

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
