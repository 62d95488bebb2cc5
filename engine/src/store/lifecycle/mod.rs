//! Lifecycles: actions with their challenges, and the rule by which a commit changes them.
//!
//! A lifecycle is under way while one of its challenges is open, or while its action requires a
//! challenge and is one of the account's [`PENDING_MAX`] youngest such actions, within
//! [`PENDING_BYTES_MAX`]. An account keeps these in its [`Hot`] state. Every other lifecycle is a
//! case, which a store keeps on its own. No function here reads or writes a store, so that the rule
//! can be tested without one.

mod hot;
mod rule;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use countersign_core::action::{Action, ActionState};
use countersign_core::challenge::Challenge;
use countersign_core::id::{ActionKey, ChallengeId};
use countersign_core::time::UnixMillis;
use sha2::{Digest as _, Sha256};

pub(super) use self::hot::Hot;
pub(super) use self::rule::{Found, Moved, apply, judge, named};

/// Largest number of actions without an open challenge that an account keeps in its hot state.
pub(super) const PENDING_MAX: usize = 16;
/// Largest number of bytes of these actions, unless the youngest takes more by itself. A commit of
/// the account writes all of them again.
const PENDING_BYTES_MAX: usize = 16 << 10;
/// Largest number of ended challenges of one lifecycle that an account keeps in its hot state.
const ENDED_MAX: usize = 16;

/// An action with its challenges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lifecycle {
    /// Name of the action.
    pub(super) key: ActionKey,
    /// None if the action is not recorded. It may have been removed with its account, or pruned.
    pub(super) action: Option<Arc<Action>>,
    pub(super) challenges: Vec<Arc<Challenge>>,
}

impl Lifecycle {
    pub(super) const fn new(key: ActionKey) -> Self {
        Self { key, action: None, challenges: Vec::new() }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.action.is_none() && self.challenges.is_empty()
    }

    pub(super) fn open(&self) -> impl Iterator<Item = &Arc<Challenge>> {
        self.challenges.iter().filter(|challenge| challenge.ended.is_none())
    }

    fn is_pending(&self) -> bool {
        self.action.as_ref().is_some_and(|a| a.state == ActionState::ChallengeRequired)
    }

    pub(super) fn challenge(&self, id: &ChallengeId) -> Option<&Arc<Challenge>> {
        self.challenges.iter().find(|challenge| challenge.id == *id)
    }

    /// Adds a challenge, or replaces the one with the same id. Returns false if that one is equal.
    fn put(&mut self, challenge: &Arc<Challenge>) -> bool {
        match self.challenges.iter_mut().find(|known| known.id == challenge.id) {
            Some(known) if known == challenge => return false,
            Some(known) => *known = Arc::clone(challenge),
            None => self.challenges.push(Arc::clone(challenge)),
        }
        true
    }

    fn ends(&self) -> impl Iterator<Item = UnixMillis> {
        self.challenges.iter().filter_map(|challenge| Some(challenge.ended.as_ref()?.at))
    }

    /// Returns the time of the last change of a lifecycle without open challenges. It is never
    /// before the time at which the action was tracked, although a clock may have been set back.
    pub(super) fn end(&self) -> UnixMillis {
        let action = self.action.iter();
        let changed = action.flat_map(|action| [action.created_at, action.state_updated_at]);
        changed.chain(self.ends()).max().unwrap_or_default()
    }

    pub(super) fn has_open(&self) -> bool {
        self.open().next().is_some()
    }

    /// Returns the earliest time by which a record of this lifecycle is pruned.
    fn oldest(&self) -> Option<UnixMillis> {
        let may_go = self.action.iter().filter(|_| !self.has_open());
        let tracked = may_go.map(|action| action.created_at);
        tracked.chain(self.ends()).min()
    }

    /// Removes the action if it was tracked before `actions_before`, and the challenges that ended
    /// before `challenges_before`. Returns the number of removed records. An action stays while a
    /// challenge of it is open, because otherwise an answer to that challenge could approve a new
    /// action of the same name.
    pub(super) fn prune(
        &mut self,
        actions_before: UnixMillis,
        challenges_before: UnixMillis,
    ) -> u32 {
        let before = self.challenges.len();
        let is_over = |c: &Challenge| c.ended.as_ref().is_some_and(|e| e.at < challenges_before);
        self.challenges.retain(|challenge| !is_over(challenge));
        let has_open = self.has_open();
        let action = self.action.take_if(|a| !has_open && a.created_at < actions_before);
        let gone = before - self.challenges.len() + usize::from(action.is_some());
        u32::try_from(gone).unwrap_or(u32::MAX)
    }
}

/// Returns 63 bits of a digest of an action's name. A store finds the cases of a name by it, and
/// reads of each case which name it has. Callers choose names, so the digest is one for which they
/// cannot find many names of one value, each of which a look-up would read.
pub(super) fn digest(key: &ActionKey) -> i64 {
    let mut hash = Sha256::new();
    // Neither text contains a zero byte.
    for part in [key.code.as_str().as_bytes(), &[0], key.idempotency_key.as_str().as_bytes()] {
        hash.update(part);
    }
    let hash = hash.finalize();
    let first = hash.first_chunk().expect("a SHA-256 is longer");
    (u64::from_be_bytes(*first) >> 1).cast_signed()
}

/// Returns the place of an action in a list. A newer action has a greater place. The revision tells
/// actions of one millisecond apart.
pub(super) fn place(action: &Action) -> (UnixMillis, u64, &ActionKey) {
    (action.created_at, action.revision, &action.key)
}
