//! One attempt: it sends a group of units as one Redis transaction, and handles the replies.

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
    /// Sends a group. Answers and removes every unit whose result is known. Sets `sent` once the
    /// group may have been recorded.
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
                // A unit with an unknown script has changed nothing. The whole group is sent again,
                // now with the text of the scripts.
                self.whole = true;
                continue;
            }
            return self.answer(wave, replies, before);
        }
        Ok(())
    }

    /// Sends units again that were recorded, because Redis has lost them.
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

    /// Sends units as one attempt with a new number. Returns one reply for each unit.
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
        // If a command was refused when it was queued, its own error names the reason better than
        // the error of `EXEC`.
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

    /// Answers the callers of a group. `before` is true if an earlier attempt may have recorded the
    /// group; then a refused unit stays in the group, to be sent again.
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

    /// Adds a recorded unit to the journal. Rows in the reply are decoded by the unit's caller,
    /// because a damaged row must fail only that caller.
    fn note(&mut self, unit: &Unit, reply: Value) -> Result<Said, Trouble> {
        let mut said = said(reply)?;
        match (said.0.as_str(), unit) {
            (RECORDED, Unit::Secret { tenant, .. }) => {
                // The secret in the reply may be an older one, which is kept.
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

    /// Queues the index entries of replaced records for a later check. They are not removed at
    /// once, because another unit may have added them again.
    fn replaced(&mut self, change: &Change, records: Vec<Value>) {
        for record in records {
            // The change is recorded even if the row that it replaced is damaged.
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

    /// Answers and removes the units that write a challenge which another account owns.
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
