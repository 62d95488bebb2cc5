//! Checks of grants, which are the rights that clients' tokens give.

use super::Account;
use crate::action::{Action, ActionState};
use crate::grant::Grant;
use crate::refusal::Refusal;

impl Account {
    /// Checks that a grant is still valid. It is void if its action was deleted with the user and
    /// another action of the same name was tracked, or if it needs an approval and the action's
    /// success is not [valid any more](Self::success_stands).
    ///
    /// # Errors
    /// [`Refusal::GrantOver`] if the grant is void.
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

    /// Returns true if the action has succeeded and the authenticator that approved it is still
    /// enrolled. A success by the relying party's override has no authenticator and needs none.
    #[must_use]
    pub fn success_stands(&self, action: &Action) -> bool {
        let is_there = |by| self.device(by).is_some();
        action.state == ActionState::ChallengeSucceeded
            && action.decided_by.as_ref().is_none_or(is_there)
    }
}
