//! Pruning of old records.

use countersign_core::id::{AccountKey, ActionKey};
use countersign_core::time::UnixMillis;

use super::state::State;
use crate::store::REMOVED_KEPT_MS;

impl State {
    pub(super) fn prune(
        &mut self,
        actions_before: UnixMillis,
        challenges_before: UnixMillis,
    ) -> u64 {
        let mut gone = 0;
        let old = self.tracked.iter().take_while(|(at, ..)| *at < actions_before);
        let old: Vec<_> =
            old.filter(|(_, account, key)| !self.has_open(account, key)).cloned().collect();
        for tracked in old {
            self.tracked.remove(&tracked);
            let (_, account, key) = tracked;
            if let Some(entry) = self.accounts.get_mut(&account)
                && let Some((sequence, action)) = entry.actions.remove(&key)
            {
                entry.unlist(sequence, &action);
            }
            gone += 1;
        }
        while self.ended.first().is_some_and(|(at, ..)| *at < challenges_before) {
            let (_, id, account) = self.ended.pop_first().expect("there is a first");
            self.challenges.remove(&(account, id));
            gone += 1;
        }
        gone + self.prune_removed(challenges_before)
    }

    /// Tells whether a challenge of the action is open. The action stays until it has ended.
    fn has_open(&self, account: &AccountKey, key: &ActionKey) -> bool {
        let open = self.open.get(account).map(Vec::as_slice).unwrap_or_default();
        open.iter().any(|id| self.challenges[&(account.clone(), id.clone())].action == *key)
    }

    /// Forgets removed accounts in two steps, because a removal records no time. The first pruning
    /// after the removal marks the account with `over`, a time in the past. A later pruning removes
    /// the account once that mark is older than [`REMOVED_KEPT_MS`].
    fn prune_removed(&mut self, over: UnixMillis) -> u64 {
        let before = UnixMillis(over.0.saturating_sub(REMOVED_KEPT_MS));
        let mut gone = 0;
        for (mark, account) in std::mem::take(&mut self.removed) {
            if mark > UnixMillis(0) && mark <= before {
                self.accounts.remove(&account);
                gone += 1;
                continue;
            }
            let mark = if mark == UnixMillis(0) { over.max(UnixMillis(1)) } else { mark };
            if let Some(entry) = self.accounts.get_mut(&account) {
                entry.removed = Some(mark);
            }
            self.removed.insert((mark, account));
        }
        gone
    }
}
