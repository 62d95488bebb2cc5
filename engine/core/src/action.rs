//! Actions that the relying party tracked, and their state.

use std::fmt;
use std::sync::Arc;

use crate::display::DisplayText;
use crate::id::{AccountKey, ActionKey, AuthenticatorId};
use crate::text::Line;
use crate::time::UnixMillis;

/// State of an action (the wire contract's names).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ActionState {
    /// Nothing was asked of the user.
    Allow,
    /// Refused without asking the user.
    Block,
    /// The user denied or reported a challenge, or failed it.
    ChallengeFailed,
    /// A challenge is to be answered.
    ChallengeRequired,
    /// The user approved.
    ChallengeSucceeded,
    /// Set by the relying party.
    ReviewFailed,
    /// Set by the relying party.
    ReviewRequired,
    /// Set by the relying party.
    ReviewSucceeded,
}

/// Circumstances in which an action began; the device shows them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ActionContext {
    /// Address of the browser.
    pub ip_address: Option<Line>,
    /// The browser's name for itself.
    pub user_agent: Option<Line>,
    /// The relying party's name for the browser.
    pub device_id: Option<Line>,
    /// The relying party's own data, as a JSON object in text.
    pub custom: Option<Arc<str>>,
}

/// An object without members, in canonical JSON.
const NOTHING: &str = "{}";

impl ActionContext {
    /// Tells whether a request with this context repeats one with another: an absent `custom` fits
    /// any. Both are canonical JSON, so that one object has one text.
    #[must_use]
    pub(crate) fn says_the_same(&self, again: &Self) -> bool {
        let Some(custom) = again.custom.as_deref() else { return true };
        self.custom.as_deref().unwrap_or(NOTHING) == custom
    }
}

impl fmt::Debug for ActionContext {
    /// Prints no text, because a user is shown all of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActionContext").finish_non_exhaustive()
    }
}

/// One instance of an action of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// The account.
    pub account: AccountKey,
    /// Its name.
    pub key: ActionKey,
    /// Its state.
    pub state: ActionState,
    /// Circumstances in which the action began.
    pub context: ActionContext,
    /// Time of the first tracking.
    pub created_at: UnixMillis,
    /// Time of the last change of state.
    pub state_updated_at: UnixMillis,
    /// The authenticator that decided the action, if one did.
    pub decided_by: Option<AuthenticatorId>,
    /// The text that the authenticator's device showed and approved. Absent if the key's holder has
    /// signed neither this text nor a read of it, and after an override.
    pub approved: Option<DisplayText>,
    /// The account's revision that it was tracked with. 0 for actions that were recorded before
    /// this was.
    pub revision: u64,
}

/// Tells an action from all others that had its name, which went away with their user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Birth {
    /// Time at which it was tracked.
    pub at: UnixMillis,
    /// The account's revision that it was tracked with.
    pub revision: u64,
}

impl Action {
    /// Gives the birth, which tells it from others of its name. Revisions separate actions that the
    /// clock does not: after a clock was set back, or if an action is tracked again within the same
    /// millisecond.
    #[must_use]
    pub const fn birth(&self) -> Birth {
        Birth { at: self.created_at, revision: self.revision }
    }

    /// Tells whether a challenge may be started for the action.
    #[must_use]
    pub const fn may_be_challenged(&self) -> bool {
        match self.state {
            ActionState::Allow | ActionState::ChallengeFailed | ActionState::ChallengeRequired => {
                true
            }
            ActionState::Block
            | ActionState::ChallengeSucceeded
            | ActionState::ReviewFailed
            | ActionState::ReviewRequired
            | ActionState::ReviewSucceeded => false,
        }
    }

    /// Gives the action in another state. The device that decided an earlier state did not decide
    /// the new one, and approved nothing of it.
    #[must_use]
    pub fn in_state(&self, state: ActionState, now: UnixMillis) -> Self {
        if self.state == state {
            return self.clone();
        }
        let (decided_by, approved) = (None, None);
        Self { state, state_updated_at: now, decided_by, approved, ..self.clone() }
    }
}
