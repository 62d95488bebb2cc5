//! One attempt: it sends a group of units as one script call, and handles the replies.

use redis::{Cmd, Value};

use super::super::keys::Bucket;
use super::super::link::pipeline;
use super::super::partitions::Known;
use super::super::reply::{RECORDED, Said, array, is_unknown_script, number, said, unexpected};
use super::super::script::{COMMIT, Call};
use super::super::settings::Retention;
use super::super::trouble::Trouble;
use super::small::OBSERVE;
use super::task::Task;
use super::unit::{Group, Waiting};
use crate::ports::Clock as _;
use crate::store::{REMOVED_KEPT_MS, refused};
use crate::system::SystemClock;

impl Task {
    /// Sends a group. Answers and removes every unit whose result is known. Sets `sent` once the
    /// group may have been recorded.
    pub(super) async fn record(
        &mut self,
        group: &mut Group,
        sent: &mut bool,
    ) -> Result<(), Trouble> {
        self.epochs.open(&self.link, &self.health).await?;
        let before = *sent;
        self.refuse_closed(group);
        if group.is_empty() {
            self.health.recording();
            return Ok(());
        }
        let call = call(group, |unit| self.health.partitions.known(unit.partition), self.retention);
        let mut replies = self.send(&call, false, sent).await?;
        if is_unknown_script(&replies) {
            // A call of an unknown script has changed nothing.
            replies = self.send(&call, true, sent).await?;
        }
        if let Value::ServerError(_) = replies {
            // Redis has refused the whole call.
            *sent = before;
        }
        let replies = array(replies)?;
        if replies.len() != group.len() {
            return Err(unexpected("another number of answers"));
        }
        let answered = self.answer(group, replies);
        if let Err(Trouble::Lost(_)) = &answered {
            // The script was refused by a replica, or by a Redis that is not ready. The next
            // connection may find another process.
            self.link.disconnect().await;
        }
        answered
    }

    async fn send(&self, call: &Call, whole: bool, sent: &mut bool) -> Result<Value, Trouble> {
        let command: Cmd = call.command(whole);
        *sent = true;
        let mut values = self.link.ask(&pipeline(&[command])).await?;
        values.pop().ok_or_else(|| unexpected("no answer"))
    }

    /// Answers the callers of a group. A refused unit is dropped even after an earlier attempt: the
    /// script looks for its commit first, so that it was not recorded. A unit that was answered
    /// early stays, to be sent again.
    fn answer(&mut self, group: &mut Group, replies: Vec<Value>) -> Result<(), Trouble> {
        let (mut left, mut trouble, mut is_recording) = (Vec::new(), None, false);
        let mut answers: Vec<(Waiting, Result<Said, _>)> = Vec::new();
        for (unit, reply) in std::mem::take(group).into_iter().zip(replies) {
            match said(reply).and_then(|said| self.note(&unit, said)) {
                Ok(said) => {
                    is_recording = true;
                    answers.push((unit, Ok(said)));
                }
                Err(Trouble::Refused(why)) if unit.told.is_none() => {
                    self.health.refusing(&why);
                    answers.push((unit, Err(refused(&why))));
                }
                Err(why) => {
                    trouble = Some(why);
                    left.push(unit);
                }
            }
        }
        if is_recording && left.is_empty() {
            self.health.recording();
        }
        answers.into_iter().for_each(|(unit, answer)| self.tell(unit, answer));
        *group = left;
        trouble.map_or(Ok(()), Err)
    }

    /// Notes the sequence of a recorded unit. Rows in the reply are decoded by the unit itself,
    /// because a damaged row must fail only its caller.
    fn note(&self, unit: &Waiting, mut said: Said) -> Result<Said, Trouble> {
        if said.word == RECORDED {
            let sequence = number(said.next())?;
            // The time is recorded at intervals, so that nobody misses one that is lost. If it
            // counted, records could not be brought back to a server that runs.
            if unit.kind != OBSERVE {
                self.health.partitions.acknowledge(unit.partition, sequence);
            }
        }
        Ok(said)
    }

    /// Answers and removes the units of partitions that are closed. If the caller of one was
    /// answered early, the store ends.
    fn refuse_closed(&self, group: &mut Group) {
        group.retain_mut(|unit| {
            let Some(why) = self.health.partitions.known(unit.partition).closed else {
                return true;
            };
            if unit.told.is_some() {
                self.health.broke(&format!("answered commits cannot be recorded: {why}"));
            }
            unit.answer(Err(refused(&why)));
            false
        });
    }
}

/// Makes the call for one unit, for tests.
#[cfg(test)]
pub(in crate::store::redis) fn call_of<U: super::Unit>(
    unit: &U,
    known: &Known,
    retention: Retention,
) -> Call {
    call(&vec![Waiting::told(unit, None)], |_| known.clone(), retention)
}

/// Makes the call for a group. `known` tells what is known of a unit's partition.
pub(super) fn call(group: &Group, known: impl Fn(&Waiting) -> Known, retention: Retention) -> Call {
    let today = Bucket::of(SystemClock.wall()).0.to_be_bytes();
    let removed_ms = REMOVED_KEPT_MS.max(retention.challenge_ms);
    let mut call = Call::new(&COMMIT)
        .arg(Bucket::life_ms(retention.action_ms).to_string())
        .arg(retention.challenge_ms.to_string())
        .arg(removed_ms.to_string())
        .arg(Bucket::listed_bytes_max(retention.action_ms).to_string())
        .arg(today);
    for unit in group {
        let Known { guard, acked, .. } = known(unit);
        call.push_key(unit.partition.state());
        call.push_key(unit.record.as_slice());
        call.push(unit.kind);
        call.push((unit.words.len() + 2).to_string());
        call.push(guard.as_bytes());
        call.push(acked.to_string());
        unit.words.iter().for_each(|word| call.push(word));
    }
    call
}
