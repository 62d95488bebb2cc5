//! One attempt: a group of units as one transaction of Redis, and its answers.

use std::sync::atomic::Ordering;

use countersign_core::account::AccountRecord;
use countersign_core::challenge::Challenge;
use countersign_core::change::Change;
use countersign_core::device::Device;
use countersign_core::time::UnixMillis;
use redis::{Cmd, Value};

use super::entry::Entry;
use super::job::{Done, Queued};
use super::keys::{self, AccountNames, Digest};
use super::lookups::{get, owner_named, row};
use super::reply::{array, bytes, checked, is_unknown_script, number, said, unexpected};
use super::trouble::Trouble;
use super::unit::{Unit, entries_of_record};
use super::writer::Writer;
use crate::ports::store::Committed;
use crate::store::record::Stored as _;
use crate::store::{foreign_challenge, refused};

impl Writer {
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
                // Such a unit has done nothing: all of them go again, this time with the script.
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
                if word != "recorded" {
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
        let attempt = self.guard.owner.attempt(self.attempt, self.base);
        let mut pipeline = redis::Pipeline::with_capacity(4 * units.len() + 2);
        pipeline.cmd("MULTI");
        let entries = units.iter().flat_map(|unit| unit.entries(self.retention));
        entries.for_each(|command| {
            pipeline.add_command(command);
        });
        for unit in units {
            let call = unit.call(&attempt, self.order, self.retention);
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

    /// `before` is whether an earlier attempt may have recorded the wave: then a unit that is
    /// refused stays in it.
    fn answer(
        &mut self,
        wave: &mut Vec<Queued>,
        replies: Vec<Value>,
        before: bool,
    ) -> Result<(), Trouble> {
        let (mut answers, mut left, mut trouble) = (Vec::new(), Vec::new(), None);
        for (queued, reply) in std::mem::take(wave).into_iter().zip(replies) {
            match checked(reply).and_then(|reply| self.done(&queued.unit, reply)) {
                Ok(done) => answers.push((queued, Ok(done))),
                Err(Trouble::Refused(why)) if !before && queued.told.is_none() => {
                    self.guard.refusing(&why);
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
            self.guard.acked.store(self.attempt, Ordering::Release);
            if left.is_empty() {
                self.guard.recording();
            }
        }
        for (queued, answer) in answers {
            self.tell(queued, answer);
        }
        *wave = left;
        trouble.map_or(Ok(()), Err)
    }

    /// Interprets a reply. Recorded units are remembered.
    fn done(&mut self, unit: &Unit, reply: Value) -> Result<Done, Trouble> {
        let (word, values) = said(reply)?;
        let mut values = values.into_iter();
        match (word.as_str(), unit) {
            ("recorded", Unit::Commit { change, .. }) => {
                for before in values {
                    // It is recorded, whatever became of the row that it replaces.
                    if let Err(trouble) =
                        bytes(before).and_then(|b| self.replaced(change, b.as_deref()))
                    {
                        tracing::warn!(?trouble, "an index is left as it is");
                    }
                }
                self.spent.extend(unit.spent());
                self.journal.push(self.attempt, unit.clone());
                Ok(Done::Commit(Committed::Recorded))
            }
            ("recorded", Unit::Secret { tenant, .. }) => {
                let secret: Option<[u8; 32]> = row(values.next().unwrap_or(Value::Nil))?;
                let fresh = secret.ok_or_else(|| unexpected("no secret"))?;
                let tenant = tenant.clone();
                self.journal.push(self.attempt, Unit::Secret { tenant, fresh });
                Ok(Done::Secret(fresh))
            }
            ("recorded", Unit::Observe(_)) => {
                let before = number(values.next().unwrap_or(Value::Nil))?;
                self.journal.push(self.attempt, unit.clone());
                Ok(Done::Observed(UnixMillis(before)))
            }
            ("recorded", Unit::PutOff(_) | Unit::RemoveEvent(..)) => {
                self.spent.extend(unit.spent());
                self.journal.push(self.attempt, unit.clone());
                Ok(Done::Event)
            }
            ("stale", _) => {
                let recorded = number(values.next().unwrap_or(Value::Nil))?;
                Ok(Done::Commit(Committed::Stale { recorded }))
            }
            ("ended", _) => {
                let recorded: Option<Challenge> = row(values.next().unwrap_or(Value::Nil))?;
                let recorded = recorded.and_then(|c| Some((c.id, c.ended?)));
                let (challenge, ended) = recorded.ok_or_else(|| unexpected("no end"))?;
                Ok(Done::Commit(Committed::Ended { challenge, recorded: Box::new(ended) }))
            }
            _ => Err(unexpected("an unknown word")),
        }
    }

    /// The indexes of a record that was replaced are looked at later: another unit may have put
    /// its entry back.
    fn replaced(&mut self, change: &Change, before: Option<&[u8]>) -> Result<(), Trouble> {
        match before.and_then(<[u8]>::split_first) {
            Some((b'a', row)) => {
                let record = AccountRecord::from_row(row)?;
                self.suspects.extend(entries_of_record(&change.account, &record));
            }
            Some((b'd', row)) => {
                self.suspects.insert(Entry::of_device(&Device::from_row(row)?));
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
