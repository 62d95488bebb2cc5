//! Data of Redis: a partition of accounts, and the script that commits to it.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use countersign_core::account::Account;
use countersign_core::action::Action;
use countersign_core::challenge::Challenge;
use countersign_core::change::{Change, Write};
use countersign_core::id::{ActionKey, ChallengeId};

use crate::rules::{Circumstances, Rule};

/// Number of commit ids that an account remembers. It is small, so that runs exceed it.
pub(crate) const IDS_KEPT: usize = 2;

/// A version of an account: the number of its commits, and the id of the last one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) number: u64,
    pub(crate) id: u64,
}

/// An account with its records, as Redis stores them.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) version: Version,
    pub(crate) account: Account,
    pub(crate) actions: BTreeMap<ActionKey, Arc<Action>>,
    pub(crate) ended: BTreeMap<ChallengeId, Arc<Challenge>>,
    /// All recorded units of the account. The checker reads them all; the script reads only the ids
    /// of the last [`IDS_KEPT`].
    pub(crate) chain: Vec<Recorded>,
}

/// A recorded unit in the chain of an account.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recorded {
    pub(crate) id: u64,
    pub(crate) call: u64,
    /// True if the unit was recorded on the version that it was made from.
    pub(crate) fits: bool,
}

impl Stored {
    pub(crate) fn new(account: Account) -> Self {
        let (actions, ended, chain) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        Self { version: Version { number: 0, id: 0 }, account, actions, ended, chain }
    }

    /// Applies a unit to the account, whatever version it was made from.
    pub(crate) fn apply(&mut self, unit: &Unit) {
        let fits = self.version == unit.parent;
        // The parent differs only in runs without one of the rules.
        let change = Change { parent: self.account.version(), ..unit.change.clone() };
        self.account.apply(&change);
        for write in &change.writes {
            match write {
                Write::Track(action) | Write::Action(action) => {
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

/// A commit: a change, and the version of the account that it was made from.
#[derive(Clone, Debug)]
pub(crate) struct Unit {
    pub(crate) id: u64,
    /// The call that the unit was made for.
    pub(crate) call: u64,
    pub(crate) user: usize,
    pub(crate) parent: Version,
    pub(crate) change: Change,
}

/// A partition's server and epoch, as a node knows them or as Redis stores them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// Identity of the server process that holds the partition. It changes at each start and each
    /// promotion.
    pub(crate) server: u64,
    pub(crate) epoch: u64,
}

/// An epoch, and the partition's sequence number when the epoch began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun {
    pub(crate) epoch: u64,
    pub(crate) base: u64,
}

/// The accounts of a partition, with its sequence number, and its epochs so far.
#[derive(Clone, Debug)]
pub(crate) struct Partition {
    pub(crate) place: Place,
    pub(crate) sequence: u64,
    pub(crate) history: Vec<Begun>,
    /// True if a node has reported that acknowledged commits are missing.
    pub(crate) lost: bool,
    pub(crate) accounts: Vec<Rc<Stored>>,
}

/// The commit script's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The unit is recorded. `anew` is true if it had been recorded before this request.
    Recorded { sequence: u64, anew: bool },
    /// The account has another version than the one that the unit was made from.
    Stale { number: u64 },
    /// The node knows another server or epoch, or the partition has lost commits.
    Refused,
}

impl Partition {
    /// Commits a unit of a node that knows the partition under `known`.
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

    /// Begins an epoch if another server process held the partition before. Returns true if it did.
    pub(crate) fn open(&mut self, server: u64, fresh_epoch: u64) -> bool {
        if self.place.server == server {
            return false;
        }
        self.place = Place { server, epoch: fresh_epoch };
        self.history.push(Begun { epoch: fresh_epoch, base: self.sequence });
        true
    }

    /// Returns the sequence number at which `epoch` was followed by the next epoch. `None` if
    /// `epoch` is the last or is not in the history.
    pub(crate) fn base_after(&self, epoch: u64) -> Option<u64> {
        let own = self.history.iter().position(|begun| begun.epoch == epoch)?;
        self.history.get(own + 1).map(|next| next.base)
    }
}
