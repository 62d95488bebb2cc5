//! Tracking of actions, and the relying party's override of an action's state.

use std::sync::Arc;

use super::{Account, ProfilePatch, end};
use crate::action::{Action, ActionContext, ActionState};
use crate::change::{Transition, Write};
use crate::id::ActionKey;
use crate::outcome::Outcome;
use crate::policy::Unenrolled;
use crate::refusal::Refusal;
use crate::time::UnixMillis;

/// An action that the relying party asks to track.
#[derive(Clone, Debug)]
pub struct Track {
    /// The action's name within the account.
    pub key: ActionKey,
    /// Circumstances in which the action began.
    pub context: ActionContext,
    /// Changes of the user's attributes that the request contains.
    pub profile: ProfilePatch,
}

/// The answer to [`Account::track`].
#[derive(Clone, Debug)]
pub struct Tracked {
    /// The action, as recorded.
    pub action: Arc<Action>,
    /// True if the user has an authenticator.
    pub is_enrolled: bool,
}

impl Account {
    /// Tracks an action. `known` is the recorded action of the same name, if there is one. The
    /// function returns it unchanged, so that a repeated request changes nothing.
    ///
    /// The transition is `None` if the action is already recorded.
    ///
    /// # Errors
    /// [`Refusal::OtherContent`] if the recorded action has another `custom`. Otherwise the caller
    /// would take the state of the recorded action for that of its own request.
    pub fn track(
        &self,
        track: &Track,
        known: Option<&Arc<Action>>,
        unenrolled: Unenrolled,
        now: UnixMillis,
    ) -> Result<(Option<Transition<Tracked>>, Tracked), Refusal> {
        let is_enrolled = self.is_enrolled();
        if let Some(known) = known {
            if !known.context.says_the_same(&track.context) {
                return Err(Refusal::OtherContent);
            }
            return Ok((None, Tracked { action: known.clone(), is_enrolled }));
        }
        let state = match unenrolled {
            _ if is_enrolled => ActionState::ChallengeRequired,
            Unenrolled::Allow => ActionState::Allow,
            Unenrolled::Block => ActionState::Block,
        };
        let action = Arc::new(Action {
            account: self.key.clone(),
            key: track.key.clone(),
            state,
            context: track.context.clone(),
            created_at: now,
            state_updated_at: now,
            decided_by: None,
            approved: None,
            revision: self.version.number + 1,
        });
        let record = self.patched_record(&track.profile, now);
        let mut writes = Vec::with_capacity(2);
        if self.record.as_ref() != Some(&record) {
            writes.push(Write::Account(record));
        }
        writes.push(Write::Track(action.clone()));
        let tracked = Tracked { action, is_enrolled };
        Ok((Some(self.transition(writes, tracked.clone())), tracked))
    }

    /// Sets the state of an action on behalf of the relying party, and cancels the action's open
    /// challenges. The approved text is cleared, even if the state stays the same.
    #[must_use]
    pub fn override_action(
        &self,
        action: &Action,
        state: ActionState,
        now: UnixMillis,
    ) -> Transition<Arc<Action>> {
        let action = Arc::new(Action { approved: None, ..action.in_state(state, now) });
        let cancelled = self.open.iter().filter(|c| c.action == action.key);
        let mut writes: Vec<_> =
            cancelled.map(|c| Write::Challenge(end(c, Outcome::Cancelled, now).into())).collect();
        writes.push(Write::Action(action.clone()));
        self.transition(writes, action)
    }
}
