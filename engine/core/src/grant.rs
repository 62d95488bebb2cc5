//! The right that a client's token gives.

use crate::action::Birth;
use crate::id::ActionKey;
use crate::time::UnixMillis;

/// The right that a client's token gives: to act on an action, or to use its approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Name of the action that the token is about.
    pub action: ActionKey,
    /// Time at which the token was issued, in whole seconds.
    pub issued_at: UnixMillis,
    /// True if the token was issued because the action was approved.
    pub is_verified: bool,
    /// Birth of the action that the grant is about. It separates the action from others of the same
    /// name. `None` for tokens from an older server; for those, `issued_at` is compared with the
    /// action's time.
    pub born: Option<Birth>,
}
