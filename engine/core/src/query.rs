//! Filters by which a relying party finds users and actions.

use crate::action::ActionState;
use crate::id::{ActionCode, UserId};
use crate::time::UnixMillis;

/// Attributes by which users are found; all that are given must match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserQuery {
    /// E-mail address, in any case of its ASCII letters.
    pub email: Option<String>,
    /// Exact phone number.
    pub phone_number: Option<String>,
    /// Exact user name.
    pub username: Option<String>,
    /// The last user of the page before.
    pub after: Option<UserId>,
    /// Users in the answer, at most.
    pub limit: usize,
}

/// Filter for a user's actions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionQuery {
    /// Tracked at or after this time.
    pub from: UnixMillis,
    /// Codes of the actions; empty for all.
    pub codes: Vec<ActionCode>,
    /// Only in this state.
    pub state: Option<ActionState>,
    /// Actions in the answer, at most.
    pub limit: usize,
}
