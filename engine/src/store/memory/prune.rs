//! Pruning of old records.

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
        while self.tracked.first().is_some_and(|(at, ..)| *at < actions_before) {
            let (_, account, key) = self.tracked.pop_first().expect("there is a first");
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
