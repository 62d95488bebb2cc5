//! Redis: one partition of the accounts, and the script that commits to it.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use countersign_core::account::Account;
use countersign_core::action::Action;
use countersign_core::challenge::Challenge;
use countersign_core::change::{Change, Write};
use countersign_core::id::{ActionKey, ChallengeId};

use crate::rules::{Circumstances, Rule};

/// Commit ids that an account remembers. Few, so that runs reach their end.
pub(crate) const IDS_KEPT: usize = 2;

/// A version of an account: the number of its commits, and the id of the last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) number: u64,
    pub(crate) id: u64,
}

/// An account with its records, as Redis has them.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) version: Version,
    pub(crate) account: Account,
    pub(crate) actions: BTreeMap<ActionKey, Arc<Action>>,
    pub(crate) ended: BTreeMap<ChallengeId, Arc<Challenge>>,
    /// The units that led to it, for the checker alone; Redis remembers the last of their ids.
    pub(crate) chain: Vec<Recorded>,
}

/// A unit in the chain of an account.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recorded {
    pub(crate) id: u64,
    pub(crate) call: u64,
    /// True if it was recorded on the version that it was made from.
    pub(crate) fits: bool,
}

impl Stored {
    pub(crate) fn new(account: Account) -> Self {
        let (actions, ended, chain) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        Self { version: Version { number: 0, id: 0 }, account, actions, ended, chain }
    }

    /// Carries out a unit.
    pub(crate) fn apply(&mut self, unit: &Unit) {
        let fits = self.version == unit.parent;
        // Only where a rule is left out does the change not fit.
        let change = Change { expected: self.account.revision(), ..unit.change.clone() };
        self.account.apply(&change);
        for write in &change.writes {
            match write {
                Write::Action(action) => {
                    self.actions.insert(action.key.clone(), action.clone());
                }
                Write::Challenge(challenge) if challenge.ended.is_some() => {
                    self.ended.insert(challenge.id.clone(), challenge.clone());
                }
                Write::Account(_)
                | Write::RemoveAccount
                | Write::Challenge(_)
                | Write::Device(_)
                | Write::RemoveDevice(_)
                | Write::Event(_) => {}
            }
        }
        self.version = Version { number: self.version.number + 1, id: unit.id };
        self.chain.push(Recorded { id: unit.id, call: unit.call, fits });
    }

    fn remembers(&self, id: u64) -> bool {
        self.chain.iter().rev().take(IDS_KEPT).any(|recorded| recorded.id == id)
    }
}

/// A commit on its way: a change, the version it was made from, and its node's knowledge.
#[derive(Clone, Debug)]
pub(crate) struct Unit {
    pub(crate) id: u64,
    /// The call that it was made for.
    pub(crate) call: u64,
    pub(crate) user: usize,
    pub(crate) parent: Version,
    pub(crate) change: Change,
}

/// A partition's server and epoch, as a node knows or Redis has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// Process that holds it, anew after each start and each promotion.
    pub(crate) server: u64,
    pub(crate) epoch: u64,
}

/// An epoch, and the sequence that was found when it began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun {
    pub(crate) epoch: u64,
    pub(crate) base: u64,
}

/// The partition.
#[derive(Clone, Debug)]
pub(crate) struct Partition {
    pub(crate) place: Place,
    pub(crate) sequence: u64,
    pub(crate) history: Vec<Begun>,
    /// A node has found that acknowledged commits are missing.
    pub(crate) lost: bool,
    pub(crate) accounts: Vec<Rc<Stored>>,
}

/// The answer of the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The unit is recorded; `anew` if that was so before.
    Recorded { sequence: u64, anew: bool },
    /// The account has another version.
    Stale { number: u64 },
    /// The node does not know this server or epoch, or the partition has lost commits.
    Refused,
}

impl Partition {
    /// Commits a unit of a node that knows the partition at `known`.
    pub(crate) fn commit(&mut self, unit: &Unit, known: Place, rules: Circumstances) -> Answer {
        if self.lost || (rules.has(Rule::Epoch) && self.place != known) {
            return Answer::Refused;
        }
        let stored = Rc::make_mut(&mut self.accounts[unit.user]);
        if rules.has(Rule::CommitId) && stored.remembers(unit.id) {
            self.sequence += 1;
            return Answer::Recorded { sequence: self.sequence, anew: true };
        }
        if rules.has(Rule::Parent) && stored.version != unit.parent {
            return Answer::Stale { number: stored.version.number };
        }
        stored.apply(unit);
        self.sequence += 1;
        Answer::Recorded { sequence: self.sequence, anew: false }
    }

    /// Begins an epoch if another process held the partition before.
    pub(crate) fn open(&mut self, server: u64, fresh_epoch: u64) -> bool {
        if self.place.server == server {
            return false;
        }
        self.place = Place { server, epoch: fresh_epoch };
        self.history.push(Begun { epoch: fresh_epoch, base: self.sequence });
        true
    }

    /// Sequence at which a node's own epoch was followed by another; None while it is the last, or
    /// where nobody remembers it.
    pub(crate) fn base_after(&self, epoch: u64) -> Option<u64> {
        let own = self.history.iter().position(|begun| begun.epoch == epoch)?;
        self.history.get(own + 1).map(|next| next.base)
    }
}
