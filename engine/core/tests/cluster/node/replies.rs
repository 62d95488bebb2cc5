//! A node's handling of replies from Redis.

use crate::call::{Call, Stage, Told};
use crate::message::{Desk, Effect, Guard, Reply, Request, Timer};
use crate::redis::{Answer, IDS_KEPT, Partition, Unit};
use crate::rules::Rule;

use super::{Asked, Node};

/// Maximum age of the last confirmed write for a read to be accepted, in milliseconds.
const CONFIRMED_MS: u64 = 500;

impl Node {
    pub(crate) fn reply(&mut self, desk: &mut Desk<'_>, number: u64, reply: Reply) {
        let Some(asked) = self.asked.remove(&number) else { return };
        match (asked, reply) {
            (_, Reply::ReadOnly) => self.leave(desk),
            (Asked::Open, Reply::Partition(partition)) => self.opened(desk, &partition),
            (Asked::Sequence, Reply::Sequence(guard)) => self.checked(desk, guard),
            (Asked::Beat { sent_at }, Reply::Written) => self.confirmed = Some(sent_at),
            (Asked::Report, _) => self.stop(desk),
            (Asked::Call(id), reply) => {
                let Some(call) = self.calls.remove(&id) else { return };
                self.answered(desk, call, reply);
            }
            (Asked::Open | Asked::Sequence | Asked::Beat { .. }, _) => {}
        }
    }

    /// Handles the reply to the opening of the partition. If the epoch is new, the node compares
    /// the commits that it acknowledged with those that the partition has, and reports a loss.
    fn opened(&mut self, desk: &mut Desk<'_>, partition: &Partition) {
        if partition.lost {
            return self.stop(desk);
        }
        let place = partition.place;
        if self.epoch != Some(place.epoch) {
            self.memory.clear();
            if let Some(own) = self.epoch {
                desk.effects.push(Effect::Reached("an epoch that a node did not know"));
                let base = partition.base_after(own).unwrap_or(0);
                if desk.rules.has(Rule::Compare) && self.acknowledged > base {
                    desk.effects.push(Effect::Reached("a loss that a node noticed"));
                    return self.ask(desk, Asked::Report, Request::Report);
                }
            }
            self.acknowledged = 0;
        }
        (self.known, self.epoch) = (Some(place), Some(place.epoch));
        (self.seen, self.ahead) = (partition.sequence, false);
        let calls = std::mem::take(&mut self.calls);
        for call in calls.into_values() {
            match call.stage {
                Stage::Committing(..) => self.send(desk, call),
                Stage::Idle | Stage::Reading | Stage::Confirming(_) | Stage::Parked => {
                    self.read(desk, call);
                }
            }
        }
    }

    fn stop(&mut self, desk: &mut Desk<'_>) {
        self.stopped = true;
        let calls = std::mem::take(&mut self.calls);
        calls.into_values().for_each(|call| desk.tell(call, Told::Unavailable));
    }

    /// Returns true if a read is accepted. The node stops if the partition has lost commits, and
    /// ends the connection if the read came from another server or epoch.
    fn counts(&mut self, desk: &mut Desk<'_>, guard: Guard) -> bool {
        if guard.lost {
            self.stop(desk);
            return false;
        }
        if desk.rules.has(Rule::ReadGuard) && self.known != Some(guard.place) {
            desk.effects.push(Effect::Reached("a read from another place"));
            self.leave(desk);
            return false;
        }
        true
    }

    fn is_confirmed(&self, desk: &Desk<'_>) -> bool {
        !desk.rules.waits()
            || !desk.rules.has(Rule::ReadConfirmed)
            || self.confirmed.is_some_and(|at| desk.now - at <= CONFIRMED_MS)
    }

    fn checked(&mut self, desk: &mut Desk<'_>, guard: Guard) {
        if !self.counts(desk, guard) {
            return;
        }
        if guard.sequence <= self.seen {
            self.ahead = false;
        } else if std::mem::replace(&mut self.ahead, true) {
            desk.effects.push(Effect::Reached("news that were missed"));
            (self.seen, self.ahead) = (guard.sequence, false);
            self.look(desk, None);
        }
    }

    fn answered(&mut self, desk: &mut Desk<'_>, mut call: Call, reply: Reply) {
        match (call.stage.clone(), reply) {
            (Stage::Reading, Reply::Account(stored, guard)) => {
                call.stage = Stage::Idle;
                self.calls.insert(call.id, call.clone());
                if !self.counts(desk, guard) {
                    return;
                }
                self.calls.remove(&call.id);
                if !self.is_confirmed(desk) {
                    desk.effects.push(Effect::Reached("a read without a confirmed write"));
                    return desk.tell(call, Told::Unavailable);
                }
                call.sequence = guard.sequence;
                self.memory.insert(call.user, (stored.clone(), guard.sequence));
                self.step(desk, call, &stored, true);
            }
            (Stage::Confirming(outcome), Reply::Written) => {
                self.acknowledged = self.acknowledged.max(call.sequence);
                desk.tell(call, Told::Ended(outcome));
            }
            (Stage::Confirming(_), _) => desk.tell(call, Told::Unavailable),
            (Stage::Committing(unit, told), Reply::Committed(answer)) => {
                self.committed(desk, call, &unit, told, answer);
            }
            (Stage::Committing(..), _) => {
                desk.effects.push(Effect::Reached("a commit that was not confirmed"));
                call.resent = true;
                desk.timer(50, Timer::Call(call.id));
                self.calls.insert(call.id, call);
            }
            (Stage::Idle | Stage::Reading | Stage::Parked, _) => {
                self.calls.insert(call.id, call);
            }
        }
    }

    fn committed(
        &mut self,
        desk: &mut Desk<'_>,
        mut call: Call,
        unit: &Unit,
        told: Told,
        answer: Answer,
    ) {
        match answer {
            Answer::Recorded { sequence, anew } => {
                if anew {
                    desk.effects.push(Effect::Reached("a unit that was recorded before"));
                }
                self.acknowledged = self.acknowledged.max(sequence);
                self.memory.remove(&call.user);
                desk.tell(call, told);
            }
            Answer::Stale { number } => {
                desk.effects.push(Effect::Reached("a conflict"));
                self.memory.remove(&call.user);
                let may_be_recorded = call.resent && number > unit.parent.number + IDS_KEPT as u64;
                if may_be_recorded {
                    desk.effects.push(Effect::Reached("a unit that may be recorded"));
                    if desk.rules.has(Rule::Forgotten) {
                        return desk.tell(call, Told::Unavailable);
                    }
                }
                call.stage = Stage::Idle;
                let pause = desk.rng.u64(1..10 << call.tries.min(4));
                desk.timer(pause, Timer::Call(call.id));
                self.calls.insert(call.id, call);
            }
            Answer::Refused => {
                self.calls.insert(call.id, call);
                self.leave(desk);
            }
        }
    }
}
