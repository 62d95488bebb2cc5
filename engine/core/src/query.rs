//! Filters by which a relying party finds users and actions.

use crate::action::ActionState;
use crate::id::{ActionCode, UserId};
use crate::time::UnixMillis;

/// Filter for users. A user has to match every attribute that is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserQuery {
    /// E-mail address. The case of its ASCII letters does not matter.
    pub email: Option<String>,
    /// Exact phone number.
    pub phone_number: Option<String>,
    /// Exact user name.
    pub username: Option<String>,
    /// Last user of the previous page; the answer begins after it.
    pub after: Option<UserId>,
    /// Maximum number of users in the answer.
    pub limit: usize,
}

/// Filter for a user's actions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionQuery {
    /// Earliest time at which an action was tracked.
    pub from: UnixMillis,
    /// Codes of the actions. An empty list accepts all codes.
    pub codes: Vec<ActionCode>,
    /// State of the actions; `None` accepts all states.
    pub state: Option<ActionState>,
    /// Maximum number of actions in the answer.
    pub limit: usize,
}
