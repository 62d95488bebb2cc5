//! Commits that track an action, over an older action of the same name whose retention is over.

use countersign_core::action::Action;
use countersign_core::time::UnixMillis;

use super::super::keys::Partition;
use super::super::reply::{Said, bytes, number, unexpected};
use super::super::trouble::Trouble;
use super::change::Commit;
use super::unit::{Unit, Words};
use crate::ports::store::Committed;

/// A commit with an action to track. A known action that was tracked before a time is not told,
/// unless a challenge of it is open, because no read shows it.
pub(in crate::store::redis) struct Track {
    commit: Commit,
    before: UnixMillis,
}

/// Answer to a [`Track`].
pub(in crate::store::redis) enum Tracked {
    Told(Committed),
    /// The known action is too old. This commit replaces it.
    Old(Box<Commit>),
}

impl Track {
    pub(in crate::store::redis) fn new(commit: Commit, before: UnixMillis) -> Self {
        Self { commit, before }
    }

    fn is_old(&self, action: &Action) -> bool {
        action.created_at < self.before
    }
}

impl Unit for Track {
    type Answer = Tracked;

    fn kind(&self) -> &'static str {
        self.commit.kind()
    }

    fn partition(&self) -> Partition {
        self.commit.partition()
    }

    fn record(&self) -> Vec<u8> {
        self.commit.record()
    }

    fn is_long(&self) -> bool {
        self.commit.is_long()
    }

    fn words(&self) -> Words {
        self.commit.words()
    }

    fn recorded(&self, said: Said) -> Result<Tracked, Trouble> {
        self.commit.recorded(said).map(Tracked::Told)
    }

    fn refused(&self, mut said: Said) -> Result<Tracked, Trouble> {
        if said.word != "known" {
            return self.commit.refused(said).map(Tracked::Told);
        }
        let parts = bytes(said.next())?.ok_or_else(|| unexpected("no parts"))?;
        let open = number(said.next())?;
        let action = self.commit.known(&parts)?;
        if open == 0 && self.is_old(&action) {
            return Ok(Tracked::Old(Box::new(self.commit.over(&action.key, parts))));
        }
        Ok(Tracked::Told(Committed::Known(Box::new(action))))
    }
}
