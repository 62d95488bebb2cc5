//! What a client's token stands for, and for how long that holds.

use super::Account;
use crate::action::{Action, ActionState, Birth};
use crate::id::ActionKey;
use crate::refusal::Refusal;
use crate::time::UnixMillis;

/// What a client's token stands for: an action, or that the action was approved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The action.
    pub action: ActionKey,
    /// When what it stands for came about, in whole seconds.
    pub issued_at: UnixMillis,
    /// Whether it stands for an approval.
    pub is_verified: bool,
    /// Which of the actions that had this name it is about. Absent from tokens that an older server
    /// made: for those the time decides.
    pub born: Option<Birth>,
}

impl Account {
    /// Refuses what was granted for something that holds no longer: its action went away with its
    /// user and came back under the same name, or its approval does not
    /// [stand](Self::success_stands).
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

    /// Whether an action has succeeded, and the authenticator that approved it, if one did, was not
    /// taken away since.
    #[must_use]
    pub fn success_stands(&self, action: &Action) -> bool {
        let is_there = |by| self.device(by).is_some();
        action.state == ActionState::ChallengeSucceeded
            && action.decided_by.as_ref().is_none_or(is_there)
    }
}
