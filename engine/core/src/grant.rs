//! The right that a client's token stands for.

use crate::action::Birth;
use crate::id::ActionKey;
use crate::time::UnixMillis;

/// The right behind a client's token: to an action, or to its approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The action.
    pub action: ActionKey,
    /// Begin of the right, in whole seconds.
    pub issued_at: UnixMillis,
    /// True if the grant comes from an approval.
    pub is_verified: bool,
    /// Birth of the action that it is about, which tells the action from others of its name. Absent
    /// from tokens that an older server made: for those the time decides.
    pub born: Option<Birth>,
}
