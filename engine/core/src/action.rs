//! Actions that the relying party tracks, and their states.

use std::fmt;
use std::sync::Arc;

use crate::display::DisplayText;
use crate::id::{AccountKey, ActionKey, AuthenticatorId};
use crate::text::Line;
use crate::time::UnixMillis;

/// State of an action, named as in the wire contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ActionState {
    /// The action is allowed, and the user was not asked.
    Allow,
    /// The action is refused, and the user was not asked.
    Block,
    /// The user denied or reported the challenge, or typed wrong numbers too often.
    ChallengeFailed,
    /// The action needs an approval by the user.
    ChallengeRequired,
    /// The user approved.
    ChallengeSucceeded,
    /// A state that only the relying party sets.
    ReviewFailed,
    /// A state that only the relying party sets.
    ReviewRequired,
    /// A state that only the relying party sets.
    ReviewSucceeded,
}

/// Circumstances in which an action began. The device shows them to the user.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ActionContext {
    /// IP address of the browser.
    pub ip_address: Option<Line>,
    /// The `User-Agent` header of the browser.
    pub user_agent: Option<Line>,
    /// The relying party's name for the browser.
    pub device_id: Option<Line>,
    /// The relying party's own data, as a JSON object in text.
    pub custom: Option<Arc<str>>,
}

/// The canonical JSON of an object without members.
const NOTHING: &str = "{}";

impl ActionContext {
    /// Returns true if a request with the context `again` repeats the request with this context.
    /// Only `custom` is compared. An absent `custom` in `again` matches any; an absent `custom`
    /// here equals `{}`. The texts are canonical JSON, so equal objects have equal texts.
    #[must_use]
    pub(crate) fn says_the_same(&self, again: &Self) -> bool {
        let Some(custom) = again.custom.as_deref() else { return true };
        self.custom.as_deref().unwrap_or(NOTHING) == custom
    }
}

impl fmt::Debug for ActionContext {
    /// Prints none of the fields, because they hold data about a user.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActionContext").finish_non_exhaustive()
    }
}

/// One tracked action of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// The account of the user.
    pub account: AccountKey,
    /// The name of the action within its account.
    pub key: ActionKey,
    /// The state of the action.
    pub state: ActionState,
    /// Circumstances in which the action began.
    pub context: ActionContext,
    /// Time at which the action was first tracked.
    pub created_at: UnixMillis,
    /// Time of the last change of state.
    pub state_updated_at: UnixMillis,
    /// The authenticator that decided the action, if one did.
    pub decided_by: Option<AuthenticatorId>,
    /// The text that the authenticator's device showed and the user approved. `None` if the key
    /// signed neither a statement about this text nor a read of it, and after an override of the
    /// state.
    pub approved: Option<DisplayText>,
    /// The account's revision after the commit that tracked the action. 0 for actions that were
    /// recorded before this field existed.
    pub revision: u64,
}

/// The time and revision that identify one action among actions of the same name. An action's name
/// becomes free again if its user is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Birth {
    /// Time at which the action was tracked.
    pub at: UnixMillis,
    /// The account's revision after the commit that tracked the action.
    pub revision: u64,
}

impl Action {
    /// Returns the birth, which identifies the action among actions of the same name. The revision
    /// separates two actions with the same time, which occur if a clock was set back, or if an
    /// action is tracked again within one millisecond.
    #[must_use]
    pub const fn birth(&self) -> Birth {
        Birth { at: self.created_at, revision: self.revision }
    }

    /// Returns true if a challenge may be issued for the action.
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

    /// Returns the action in `state`, entered at `now`. A change of state clears `decided_by` and
    /// `approved`, because they belong to the earlier state. The same state changes nothing.
    #[must_use]
    pub fn in_state(&self, state: ActionState, now: UnixMillis) -> Self {
        if self.state == state {
            return self.clone();
        }
        let (decided_by, approved) = (None, None);
        Self { state, state_updated_at: now, decided_by, approved, ..self.clone() }
    }
}
