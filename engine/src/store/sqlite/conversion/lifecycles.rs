//! Actions with their challenges. The old file had a table of each, and no index that leads from an
//! action to its challenges, so an index of digests is made first.

use std::hash::{BuildHasher as _, RandomState};

use countersign_core::action::Action;
use countersign_core::challenge::Challenge;
use countersign_core::change::Write;
use countersign_core::id::{AccountKey, ActionKey};
use rusqlite::{Connection, OptionalExtension as _};

use super::new::NewFile;
use super::old::{ACTIONS, CHALLENGES, OldFile};
use super::progress::Progress;
use crate::store::sqlite::Fault;

const INDEX: &str =
    "CREATE TABLE joined.challenges(action INTEGER NOT NULL, place INTEGER NOT NULL,
     PRIMARY KEY(action, place)) STRICT, WITHOUT ROWID";
const PUT: &str = "INSERT INTO joined.challenges(action, place) VALUES(?1, ?2)";
const OF_ACTION: &str = "SELECT place FROM joined.challenges WHERE action = ?1";
const TAKE: &str = "DELETE FROM joined.challenges WHERE action = ?1 AND place = ?2";
const ANY: &str = "SELECT action FROM joined.challenges LIMIT 1";

/// Converts all actions and challenges.
pub(super) fn convert(
    old: &OldFile,
    new: &mut NewFile,
    progress: &mut Progress,
) -> Result<(), Fault> {
    let index = Index { old, hasher: RandomState::new() };
    index.fill(new.connection(), progress)?;
    old.each(&ACTIONS, |_, action| {
        progress.count(1);
        let challenges = index.take(new.connection(), &action.account, &action.key)?;
        let account = action.account.clone();
        new.put(&account, writes(Some(action), challenges))
    })?;
    // The rest are challenges whose action was pruned, or removed with its user.
    while let Some((account, challenges)) = index.take_any(new.connection())? {
        new.put(&account, writes(None, challenges))?;
    }
    Ok(())
}

fn writes(action: Option<Action>, challenges: Vec<Challenge>) -> Vec<Write> {
    let action = action.map(|action| Write::Action(action.into()));
    let challenges = challenges.into_iter().map(|challenge| Write::Challenge(challenge.into()));
    action.into_iter().chain(challenges).collect()
}

/// Index from an action to the rows of its challenges, by a digest of the account and the action.
struct Index<'a> {
    old: &'a OldFile,
    hasher: RandomState,
}

impl Index<'_> {
    /// Reads every challenge once.
    fn fill(&self, to: &Connection, progress: &mut Progress) -> Result<(), Fault> {
        to.execute_batch(INDEX)?;
        self.old.each(&CHALLENGES, |place, challenge| {
            progress.count(1);
            let action = self.digest(&challenge.account, &challenge.action);
            to.prepare_cached(PUT)?.execute((action, place))?;
            Ok(())
        })
    }

    fn digest(&self, account: &AccountKey, action: &ActionKey) -> i64 {
        self.hasher.hash_one((account, action)).cast_signed()
    }

    /// Takes the challenges of an action out of the index.
    fn take(
        &self,
        from: &Connection,
        account: &AccountKey,
        action: &ActionKey,
    ) -> Result<Vec<Challenge>, Fault> {
        let digest = self.digest(account, action);
        let mut taken = Vec::new();
        for (place, challenge) in self.find(from, digest)? {
            if challenge.account == *account && challenge.action == *action {
                from.prepare_cached(TAKE)?.execute((digest, place))?;
                taken.push(challenge);
            }
        }
        Ok(taken)
    }

    /// Takes the challenges of any action out of the index. None if the index is empty.
    fn take_any(&self, from: &Connection) -> Result<Option<(AccountKey, Vec<Challenge>)>, Fault> {
        let mut statement = from.prepare_cached(ANY)?;
        let Some(digest) = statement.query_row([], |row| row.get(0)).optional()? else {
            return Ok(None);
        };
        let found = self.find(from, digest)?;
        let Some((_, Challenge { account, action, .. })) = found.first() else { return Ok(None) };
        Ok(Some((account.clone(), self.take(from, account, action)?)))
    }

    fn find(&self, from: &Connection, digest: i64) -> Result<Vec<(i64, Challenge)>, Fault> {
        let mut statement = from.prepare_cached(OF_ACTION)?;
        let places = statement.query_map([digest], |row| row.get(0))?;
        let read = |place| Ok((place, self.old.challenge(place)?));
        places.map(|place| place.map_err(Fault::Sql).and_then(read)).collect()
    }
}
