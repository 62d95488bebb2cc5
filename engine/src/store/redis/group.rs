//! One attempt: a group of units as one transaction of Redis, and its answers.

use std::sync::atomic::Ordering;

use countersign_core::account::AccountRecord;
use countersign_core::change::Change;
use countersign_core::device::Device;
use redis::{Cmd, Value};

use super::commit_task::CommitTask;
use super::entry::{Entry, get};
use super::job::Queued;
use super::keys::{self, AccountNames, Digest};
use super::lookups::owner_named;
use super::reply::{
    self, ENDED, RECORDED, STALE, Said, array, bytes, checked, is_unknown_script, said, unexpected,
};
use super::trouble::Trouble;
use super::unit::{Unit, entries_of_record};
use crate::store::record::Stored as _;
use crate::store::{foreign_challenge, refused};

impl CommitTask {
    /// Sends a wave, and answers and takes out every unit of it whose fate is known. `sent` is set
    /// once it may have been recorded.
    pub(super) async fn record(
        &mut self,
        wave: &mut Vec<Queued>,
        sent: &mut bool,
    ) -> Result<(), Trouble> {
        if !*sent {
            self.refuse_foreign(wave).await?;
        }
        let before = *sent;
        while !wave.is_empty() {
            let units: Vec<_> = wave.iter().map(|queued| &queued.unit).collect();
            let replies = self.attempt(&units, sent).await?;
            if replies.iter().any(is_unknown_script) {
                // A unit with an unknown script has done nothing. The whole group is sent again,
                // this time with the script.
                self.whole = true;
                continue;
            }
            return self.answer(wave, replies, before);
        }
        Ok(())
    }

    /// Sends units that were recorded before to a Redis that has lost them.
    pub(super) async fn record_again(&mut self, units: &[Unit]) -> Result<(), Trouble> {
        loop {
            let replies = self.attempt(&units.iter().collect::<Vec<_>>(), &mut true).await?;
            if replies.iter().any(is_unknown_script) {
                self.whole = true;
                continue;
            }
            for reply in replies {
                let (word, _) = said(reply)?;
                if word != RECORDED {
                    let why = "Redis holds other records than those that were acknowledged";
                    return Err(Trouble::Refused(why.to_owned()));
                }
            }
            self.base = self.attempt;
            return Ok(());
        }
    }

    /// Sends units with a number of their own. The answer is one reply for each.
    async fn attempt(&mut self, units: &[&Unit], sent: &mut bool) -> Result<Vec<Value>, Trouble> {
        self.attempt += 1;
        let whole = std::mem::take(&mut self.whole);
        let fenced = |script| self.health.owner.fenced(script, self.attempt, self.base);
        let mut pipeline = redis::Pipeline::with_capacity(4 * units.len() + 2);
        pipeline.cmd("MULTI");
        let entries = units.iter().flat_map(|unit| unit.entries(self.retention));
        entries.for_each(|command| {
            pipeline.add_command(command);
        });
        for unit in units {
            let call = unit.call(fenced, self.order, self.retention);
            self.order += unit.orders();
            pipeline.add_command(call.command(whole));
        }
        pipeline.cmd("EXEC");
        self.link.connect().await?;
        let before = std::mem::replace(sent, true);
        let mut replies = self.link.ask(&pipeline).await?;
        let executed = replies.pop().ok_or_else(|| unexpected("no answer"))?;
        // A command that was refused before the transaction names the reason better than the
        // transaction does.
        if let Value::ServerError(_) = executed {
            *sent = before;
            for reply in replies {
                checked(reply)?;
            }
        }
        let mut executed = array(executed)?;
        if executed.len() < units.len() {
            return Err(unexpected("too few answers"));
        }
        Ok(executed.split_off(executed.len() - units.len()))
    }

    /// Answers the wave's callers. If an earlier attempt may have recorded the wave (`before`), a
    /// refused unit stays in it.
    fn answer(
        &mut self,
        wave: &mut Vec<Queued>,
        replies: Vec<Value>,
        before: bool,
    ) -> Result<(), Trouble> {
        let (mut answers, mut left, mut trouble) = (Vec::new(), Vec::new(), None);
        for (queued, reply) in std::mem::take(wave).into_iter().zip(replies) {
            match checked(reply).and_then(|reply| self.note(&queued.unit, reply)) {
                Ok(said) => answers.push((queued, Ok(said))),
                Err(Trouble::Refused(why)) if !before && queued.told.is_none() => {
                    self.health.refusing(&why);
                    answers.push((queued, Err(refused(&why))));
                }
                Err(why) => {
                    trouble = Some(why);
                    left.push(queued);
                }
            }
        }
        if answers.iter().any(|(_, answer)| answer.is_ok()) {
            self.base = self.attempt;
            self.health.acked.store(self.attempt, Ordering::Release);
            if left.is_empty() {
                self.health.recording();
            }
        }
        for (queued, answer) in answers {
            self.tell(queued, answer);
        }
        *wave = left;
        trouble.map_or(Ok(()), Err)
    }

    /// Remembers a unit that is recorded. The answer is left to its caller to read, because a
    /// damaged row is that caller's trouble alone.
    fn note(&mut self, unit: &Unit, reply: Value) -> Result<Said, Trouble> {
        let mut said = said(reply)?;
        match (said.0.as_str(), unit) {
            (RECORDED, Unit::Secret { tenant, .. }) => {
                // Another one may have been kept before.
                if let Ok(fresh) = reply::secret(said.clone()) {
                    let unit = Unit::Secret { tenant: tenant.clone(), fresh };
                    self.journal.push(self.attempt, unit);
                }
            }
            (RECORDED, _) => {
                if let Unit::Commit { change, .. } = unit {
                    self.replaced(change, std::mem::take(&mut said.1));
                }
                self.spent.extend(unit.spent());
                self.journal.push(self.attempt, unit.clone());
            }
            (STALE | ENDED, Unit::Commit { .. }) => {}
            _ => return Err(unexpected("an unknown word")),
        }
        Ok(said)
    }

    /// The indexes of records that were replaced are looked at later: another unit may have put
    /// their entries back.
    fn replaced(&mut self, change: &Change, records: Vec<Value>) {
        for record in records {
            // The change is recorded, whatever became of the row that it replaces.
            if let Err(trouble) = self.check_entries_of(change, record) {
                tracing::warn!(?trouble, "an index is left as it is");
            }
        }
    }

    fn check_entries_of(&mut self, change: &Change, record: Value) -> Result<(), Trouble> {
        match bytes(record)?.as_deref().and_then(<[u8]>::split_first) {
            Some((b'a', row)) => {
                let record = AccountRecord::from_row(row)?;
                self.unchecked.extend(entries_of_record(&change.account, &record));
            }
            Some((b'd', row)) => {
                self.unchecked.insert(Entry::of_device(&Device::from_row(row)?));
            }
            _ => return Err(unexpected("an unknown record")),
        }
        Ok(())
    }

    /// Takes out the units whose challenges are another account's.
    async fn refuse_foreign(&self, wave: &mut Vec<Queued>) -> Result<(), Trouble> {
        let mut named: Vec<(AccountNames, Digest)> = Vec::new();
        for queued in &*wave {
            let Unit::Commit { change, .. } = &queued.unit else { continue };
            let names = AccountNames::of(&change.account);
            let ids = crate::store::challenges(&change.writes);
            let ids = ids.map(|c| keys::challenge_id(&change.account.tenant, &c.id));
            named.extend(ids.map(|id| (names.clone(), id)));
        }
        let asked: Vec<Cmd> = named.iter().map(|(_, id)| get(keys::challenge_owner(id))).collect();
        let mut foreign = Vec::new();
        for (value, (names, _)) in self.link.all(&asked).await?.into_iter().zip(named) {
            if owner_named(value)?.is_some_and(|owner| owner != names) {
                foreign.push(names.account());
            }
        }
        if !foreign.is_empty() {
            let is_foreign = |queued: &mut Queued| foreign.contains(&queued.unit.subject());
            for queued in wave.extract_if(.., is_foreign) {
                self.tell(queued, Err(foreign_challenge()));
            }
        }
        Ok(())
    }
}
