//! Grants: the right that a client's token stands for, and its end.

use super::Account;
use crate::action::{Action, ActionState, Birth};
use crate::id::ActionKey;
use crate::refusal::Refusal;
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

impl Account {
    /// Refuses a grant that no longer holds: its action was deleted with its user and tracked again
    /// under the same name, or its approval does not [stand](Self::success_stands).
    ///
    /// # Errors
    /// [`Refusal::GrantOver`].
    pub fn honour(&self, grant: &Grant, action: &Action) -> Result<(), Refusal> {
        let other = match grant.born {
            Some(born) => born != action.birth(),
            None => grant.issued_at.seconds() < action.created_at.seconds(),
        };
        if other || (grant.is_verified && !self.success_stands(action)) {
            return Err(Refusal::GrantOver);
        }
        Ok(())
    }

    /// Tells whether an action has succeeded and the approving authenticator, if there was one, is
    /// still enrolled.
    #[must_use]
    pub fn success_stands(&self, action: &Action) -> bool {
        let is_there = |by| self.device(by).is_some();
        action.state == ActionState::ChallengeSucceeded
            && action.decided_by.as_ref().is_none_or(is_there)
    }
}
