//! Cleaning of indexes and pruning of old records, which the commit task does between groups.
//!
//! Only the commit task adds entries to indexes. So if it finds an entry without a record, no
//! record can appear before the task writes again.

use std::collections::BTreeMap;

use countersign_core::challenge::Challenge;
use countersign_core::time::UnixMillis;
use redis::{Cmd, Value};

use super::commit_task::CommitTask;
use super::entry::{Entry, named_challenge, put, row_of};
use super::keys::{self, AccountNames};
use super::reply::{number, row, said, texts, unexpected};
use super::script::{BURY, Call, FORGET, TRIM};
use super::trouble::Trouble;
use crate::store::REMOVED_KEPT_MS;

/// Largest number of records that one step of pruning removes.
const PRUNE_RECORDS: usize = 500;
/// Largest number of entries that are checked in one request.
const CHECKED_TOGETHER: usize = 256;

impl CommitTask {
    fn fenced(&self, script: &'static super::script::Text) -> Call {
        self.health.owner.fenced(script, self.attempt, self.base)
    }

    /// Checks ownership, and that Redis accepts writes, without changing a record.
    pub(super) async fn touch(&self) -> Result<(), Trouble> {
        said(self.link.call(&self.fenced(&TRIM).key(keys::DUE)).await?).map(|_| ())
    }

    /// Removes members from indexes.
    async fn trim(&self, gone: BTreeMap<String, Vec<String>>) -> Result<(), Trouble> {
        let calls =
            gone.into_iter().filter(|(_, members)| !members.is_empty()).map(|(index, members)| {
                let mut call = self.fenced(&TRIM).key(index);
                members.iter().for_each(|member| call.push(member));
                call
            });
        let calls: Vec<_> = calls.collect();
        for reply in self.link.calls(&calls).await? {
            said(reply)?;
        }
        Ok(())
    }

    /// Removes the spent entries from their indexes, and those of the unchecked entries that have
    /// no record.
    pub(super) async fn tidy(&mut self) -> Result<(), Trouble> {
        let mut gone: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (index, member) in std::mem::take(&mut self.spent) {
            gone.entry(index.to_owned()).or_default().push(member);
        }
        let unchecked: Vec<Entry> = self.unchecked.iter().take(CHECKED_TOGETHER).cloned().collect();
        let asked: Result<Vec<Cmd>, _> = unchecked.iter().map(Entry::record).collect();
        let values = self.link.all(&asked?).await?;
        for (value, entry) in values.into_iter().zip(&unchecked) {
            if !entry.stands(value)? {
                gone.entry(entry.index.clone()).or_default().push(entry.member.clone());
            }
        }
        self.trim(gone).await?;
        unchecked.iter().for_each(|entry| {
            self.unchecked.remove(entry);
        });
        Ok(())
    }

    /// Removes old actions, and challenges that ended long ago. Returns the number of removed
    /// records.
    pub(super) async fn prune(
        &self,
        actions_before: UnixMillis,
        challenges_before: UnixMillis,
    ) -> Result<u64, Trouble> {
        let mut total = 0;
        loop {
            let (gone, is_over) = self.prune_actions(actions_before).await?;
            total += gone;
            if is_over {
                break;
            }
        }
        loop {
            let (gone, is_over) = self.prune_challenges(challenges_before).await?;
            total += gone;
            if is_over {
                return Ok(total + self.prune_removed(challenges_before).await?);
            }
        }
    }

    /// Forgets removed accounts in two steps, because a removal records no time. The first pruning
    /// after the removal marks the account with `over`, a time in the past. A later pruning removes
    /// the account once that mark is older than [`REMOVED_KEPT_MS`].
    async fn prune_removed(&self, over: UnixMillis) -> Result<u64, Trouble> {
        let mut fresh = redis::cmd("ZRANGEBYSCORE");
        fresh.arg(keys::REMOVED).arg(0).arg(0).arg("LIMIT").arg(0).arg(PRUNE_RECORDS);
        let fresh = texts(self.link.one(fresh).await?)?;
        let mut long = redis::cmd("ZRANGEBYSCORE");
        long.arg(keys::REMOVED).arg("(0").arg(over.0.saturating_sub(REMOVED_KEPT_MS));
        long.arg("LIMIT").arg(0).arg(PRUNE_RECORDS);
        let long = texts(self.link.one(long).await?)?;
        let marks = fresh.iter().map(|account| put(keys::REMOVED, over.0.max(1), account));
        self.link.all(&marks.collect::<Vec<_>>()).await?;
        let mut gone = 0;
        for account in &long {
            let names =
                AccountNames::parse(account).ok_or_else(|| unexpected("an unknown account"))?;
            let (_, values) =
                said(self.link.call(&self.fenced(&BURY).key(names.account())).await?)?;
            gone += number(values.into_iter().next().unwrap_or(Value::Nil))?;
        }
        self.trim(BTreeMap::from([(keys::REMOVED.to_owned(), long)])).await?;
        Ok(gone)
    }

    async fn oldest(&self, index: &str, before: UnixMillis) -> Result<Vec<String>, Trouble> {
        let mut range = redis::cmd("ZRANGEBYSCORE");
        range.arg(index).arg("-inf").arg(format!("({}", before.0));
        range.arg("LIMIT").arg(0).arg(PRUNE_RECORDS);
        texts(self.link.one(range).await?)
    }

    async fn prune_actions(&self, before: UnixMillis) -> Result<(u64, bool), Trouble> {
        let members = self.oldest(keys::TRACKED, before).await?;
        let mut accounts: BTreeMap<String, AccountNames> = BTreeMap::new();
        for member in &members {
            let (names, _) =
                keys::parse_member(member).ok_or_else(|| unexpected("an unknown action"))?;
            accounts.insert(names.account(), names);
        }
        let mut gone = 0;
        for names in accounts.into_values() {
            let call = self.fenced(&FORGET).key(names.codes()).arg(before.0.to_string());
            let call = call.arg(names.prefix("action")).arg(names.prefix("list"));
            let (_, values) = said(self.link.call(&call).await?)?;
            gone += number(values.into_iter().next().unwrap_or(Value::Nil))?;
        }
        let is_over = members.len() < PRUNE_RECORDS;
        self.trim(BTreeMap::from([(keys::TRACKED.to_owned(), members)])).await?;
        Ok((gone, is_over))
    }

    async fn prune_challenges(&self, before: UnixMillis) -> Result<(u64, bool), Trouble> {
        let members = self.oldest(keys::ENDED, before).await?;
        let named: Vec<_> = members.iter().map(|m| named_challenge(m)).collect::<Result<_, _>>()?;
        let rows = named.iter().map(|(names, id)| row_of(names.challenge(id)));
        let values = self.link.all(&rows.collect::<Vec<_>>()).await?;
        let (mut commands, mut spent, mut gone) = (Vec::new(), Vec::new(), 0);
        for ((value, (names, id)), member) in values.into_iter().zip(named).zip(&members) {
            let challenge: Option<Challenge> = row(value)?;
            match challenge.as_ref().map(|c| c.ended.as_ref()) {
                // The challenge ended later than its index entry says, because that entry is from a
                // unit that was refused.
                Some(Some(ended)) if ended.at >= before => {
                    commands.push(put(keys::ENDED, ended.at.0, member));
                    continue;
                }
                Some(Some(_)) => {
                    gone += 1;
                    commands.push(drop(names.challenge(&id)));
                    commands.push(drop(keys::challenge_owner(&id)));
                }
                // The challenge is still open: the index entry is from a unit that was refused.
                Some(None) => {}
                None => commands.push(drop(keys::challenge_owner(&id))),
            }
            spent.push(member.clone());
        }
        self.link.all(&commands).await?;
        self.trim(BTreeMap::from([(keys::ENDED.to_owned(), spent)])).await?;
        Ok((gone, members.len() < PRUNE_RECORDS))
    }
}

fn drop(key: String) -> Cmd {
    let mut cmd = redis::cmd("DEL");
    cmd.arg(key);
    cmd
}
