//! One account's records, and the indexes of its actions.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use countersign_core::account::AccountRecord;
use countersign_core::action::{Action, ActionState};
use countersign_core::change::{CommitId, Version};
use countersign_core::device::Device;
use countersign_core::id::{ActionCode, ActionKey};
use countersign_core::time::UnixMillis;

use super::owned;
use crate::ports::store::ActionQuery;
use crate::store::{RECENT_COMMITS, state_number};

#[derive(Default)]
pub(super) struct Entry {
    pub(super) version: Version,
    /// Names of the last commits, the latest at the back.
    pub(super) recent: VecDeque<CommitId>,
    pub(super) record: Option<AccountRecord>,
    pub(super) devices: Vec<Arc<Device>>,
    pub(super) actions: HashMap<ActionKey, (u64, Arc<Action>)>,
    /// Actions by code, state, time and sequence number. Each action is here twice: under its code,
    /// and under no code for queries about all codes.
    pub(super) newest: BTreeMap<(Option<ActionCode>, u8, UnixMillis, u64), ActionKey>,
    /// `Some` if the account was removed: 0 until the next pruning, then the mark of that pruning.
    pub(super) removed: Option<UnixMillis>,
}

impl Entry {
    /// Enters the next version.
    pub(super) fn advance(&mut self, version: Version) {
        self.version = version;
        if version.commit == CommitId::NONE {
            return;
        }
        if self.recent.len() == RECENT_COMMITS {
            self.recent.pop_front();
        }
        self.recent.push_back(version.commit);
    }

    pub(super) fn list(&mut self, sequence: u64, action: &Action) {
        let (state, at) = (state_number(action.state), action.created_at);
        for code in [None, Some(action.key.code.clone())] {
            self.newest.insert((code, state, at, sequence), action.key.clone());
        }
    }

    pub(super) fn unlist(&mut self, sequence: u64, action: &Action) {
        let (state, at) = (state_number(action.state), action.created_at);
        for code in [None, Some(action.key.code.clone())] {
            self.newest.remove(&(code, state, at, sequence));
        }
    }

    /// Lists actions. It reads one range of the index for every pair of state and code, and merges
    /// the ranges.
    pub(super) fn listed(&self, query: &ActionQuery) -> Vec<Action> {
        let codes: Vec<_> = query.codes.iter().cloned().map(Some).collect();
        let codes = if codes.is_empty() { vec![None] } else { codes };
        let mut found: Vec<(UnixMillis, u64, &ActionKey)> = Vec::new();
        for state in listed_states(query).map(state_number) {
            for code in &codes {
                let end = (code.clone(), state, UnixMillis(u64::MAX), u64::MAX);
                let range = (code.clone(), state, query.from, 0)..=end;
                let newest = self.newest.range(range).rev().take(query.limit);
                found.extend(newest.map(|((.., at, sequence), key)| (*at, *sequence, key)));
            }
        }
        found.sort_unstable_by(|a, b| b.cmp(a));
        // A query may name one code twice.
        found.dedup();
        let listed = found.into_iter().take(query.limit);
        listed.map(|(.., key)| owned(&self.actions[key].1)).collect()
    }
}

/// Returns the states that a query asks for. The index has a separate range for each state, so that
/// a query reads only matching rows.
fn listed_states(query: &ActionQuery) -> impl Iterator<Item = ActionState> {
    use ActionState::{
        Allow, Block, ChallengeFailed, ChallengeRequired, ChallengeSucceeded, ReviewFailed,
        ReviewRequired, ReviewSucceeded,
    };
    const ALL: [ActionState; 8] = [
        Allow,
        Block,
        ChallengeFailed,
        ChallengeRequired,
        ChallengeSucceeded,
        ReviewFailed,
        ReviewRequired,
        ReviewSucceeded,
    ];
    let asked = query.state;
    ALL.into_iter().filter(move |state| asked.is_none_or(|asked| asked == *state))
}
