//! The end of a grant, which is the right that a client's token stands for.

use super::Account;
use crate::action::{Action, ActionState};
use crate::grant::Grant;
use crate::refusal::Refusal;

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
