//! The checker: it receives every answer to a call and finds contradictions between them.

use std::collections::BTreeMap;

use countersign_core::id::{ActionKey, ChallengeId};
use countersign_core::outcome::Outcome;

use crate::call::{Call, Op, Told};
use crate::redis::Partition;
use crate::rules::Setup;

/// Maximum time until a poll is answered after its news were lost, in milliseconds.
const WAKE_MS: u64 = 900;

/// An end that a client received, and the time of the first answer with it.
struct End {
    outcome: Outcome,
    told_at: u64,
}

/// The answers that clients received in a run.
#[derive(Default)]
pub(crate) struct Checker {
    ends: BTreeMap<ChallengeId, End>,
    issued: Vec<(usize, ChallengeId)>,
    tracked: Vec<(usize, ActionKey)>,
    /// Contradictions between answers. They are allowed only if a node has found out that commits
    /// were lost.
    contradictions: Vec<String>,
    /// Time from which lost news are the only fault that can delay a poll.
    quiet_at: u64,
}

impl Checker {
    pub(crate) fn quiet_at(quiet_at: u64) -> Self {
        Self { quiet_at, ..Self::default() }
    }

    pub(crate) fn told(&mut self, call: &Call, told: &Told, now: u64) {
        match told {
            Told::Tracked(key) => self.tracked.push((call.user, key.clone())),
            Told::Issued(challenge) => self.issued.push((call.user, challenge.id.clone())),
            Told::Ended(outcome) => self.ended(call, *outcome, now),
            Told::Pending => {
                let id = call.op.challenge().expect("a poll is about a challenge");
                if self.ends.get(id).is_some_and(|end| end.told_at < call.begun) {
                    self.contradictions.push(format!("pending after its end was told: {id:?}"));
                }
            }
            Told::Refused | Told::Unavailable => return,
        }
        self.woken(call, now);
    }

    fn ended(&mut self, call: &Call, outcome: Outcome, now: u64) {
        let id = call.op.challenge().expect("an end is one of a challenge").clone();
        let first = self.ends.entry(id.clone()).or_insert(End { outcome, told_at: now });
        if first.outcome != outcome {
            let other = first.outcome;
            self.contradictions.push(format!("two outcomes, {other:?} and {outcome:?}: {id:?}"));
        }
    }

    /// Records a contradiction if a poll is answered too late, at `now`, after any client received
    /// the end of its challenge.
    pub(crate) fn woken(&mut self, call: &Call, now: u64) {
        let Op::Poll(id, _) = &call.op else { return };
        let Some(end) = self.ends.get(id) else { return };
        let due = end.told_at.max(call.begun).max(self.quiet_at) + WAKE_MS;
        if now > due {
            self.contradictions.push(format!("a poll slept for {} ms: {id:?}", now - due));
        }
    }

    /// Compares the answers with the final partition. `is_found_out` is true if the partition is
    /// marked as having lost commits, or if a node that has found a loss has stopped.
    pub(crate) fn finish(
        mut self,
        partition: &Partition,
        setup: Setup,
        is_found_out: bool,
    ) -> Result<(), String> {
        if is_found_out && matches!(setup, Setup::Alone | Setup::Replicated) {
            return Err("a loss was reported where nothing can be lost".to_owned());
        }
        for (user, key) in &self.tracked {
            if !partition.accounts[*user].actions.contains_key(key) {
                self.contradictions.push(format!("an action is lost: {key:?}"));
            }
        }
        for (user, id) in &self.issued {
            let stored = &partition.accounts[*user];
            if stored.account.open_challenge(id).is_none() && !stored.ended.contains_key(id) {
                self.contradictions.push(format!("a challenge is lost: {id:?}"));
            }
        }
        for (id, end) in &self.ends {
            let recorded = partition.accounts.iter().find_map(|stored| stored.ended.get(id));
            let recorded = recorded.and_then(|challenge| challenge.ended.as_ref());
            if recorded.map(|ended| ended.outcome) != Some(end.outcome) {
                self.contradictions.push(format!("an end is lost: {id:?}"));
            }
        }
        if let (Some(first), false) = (self.contradictions.first(), is_found_out) {
            return Err(first.clone());
        }
        for stored in &partition.accounts {
            let mut calls: Vec<_> = stored.chain.iter().map(|recorded| recorded.call).collect();
            calls.sort_unstable();
            if let Some(twice) = calls.windows(2).find(|pair| pair[0] == pair[1]) {
                return Err(format!("call {} was recorded twice", twice[0]));
            }
            if stored.chain.iter().any(|recorded| !recorded.fits) {
                return Err("a unit was recorded on another version than its parent".to_owned());
            }
        }
        Ok(())
    }
}
