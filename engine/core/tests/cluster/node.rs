//! A node: it answers calls from the records in Redis, remembers accounts, and holds polls.
//!
//! A node is told of everything as an input, and answers by effects: requests to Redis, answers to
//! calls, and timers.

use std::collections::BTreeMap;
use std::rc::Rc;

use countersign_core::outcome::Outcome;
use countersign_core::policy::Limits;
use fastrand::Rng;

use crate::call::{Call, Next, Op, Stage, Told, run};
use crate::redis::{Answer, IDS_KEPT, Partition, Place, Stored, Unit};
use crate::rules::{Circumstances, Rule};

/// Between two comparisons of the sequence with the news.
const CHECK_MS: u64 = 250;
/// Between two writes that show that the replica still confirms.
const BEAT_MS: u64 = 100;
/// Longest age of such a write, for a read to count.
const CONFIRMED_MS: u64 = 500;
/// Runs of a transition, and sends of a unit, at most.
const TRIES_MAX: u32 = 8;

#[derive(Clone, Debug)]
pub(crate) enum Request {
    Open,
    Read(usize),
    /// A unit, from a node that knows the partition at that place.
    Commit(Unit, Place),
    Sequence,
    /// A small write.
    Beat,
    /// Acknowledged commits are missing.
    Report,
}

impl Request {
    pub(crate) const fn writes(&self) -> bool {
        !matches!(self, Self::Read(_) | Self::Sequence)
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Partition(Box<Partition>),
    Account(Rc<Stored>, Guard),
    Committed(Answer),
    Sequence(Guard),
    Written,
    /// The replica has not confirmed the write in time.
    Unconfirmed,
    /// The server is no primary any more.
    ReadOnly,
}

/// The end of every pipeline.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guard {
    pub(crate) place: Place,
    pub(crate) sequence: u64,
    pub(crate) lost: bool,
}

/// News of a commit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct News {
    pub(crate) epoch: u64,
    pub(crate) sequence: u64,
    pub(crate) user: usize,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Timer {
    Check,
    Beat,
    /// The end of a poll, or of a pause of a call.
    Call(u64),
}

/// The purpose of a request under way.
#[derive(Clone, Copy, Debug)]
enum Asked {
    Open,
    Call(u64),
    Sequence,
    Beat { sent_at: u64 },
    Report,
}

#[derive(Clone, Debug)]
pub(crate) enum Effect {
    /// A request of that number, over the present connection.
    Send(u64, Request),
    Tell(Call, Told),
    Timer(u64, Timer),
    /// The connection is of no use.
    Disconnect,
    /// Something that a run is to reach.
    Reached(&'static str),
}

/// Everything that a node is given besides its input.
pub(crate) struct Desk<'a> {
    pub(crate) now: u64,
    pub(crate) rules: Circumstances,
    pub(crate) limits: &'a Limits,
    pub(crate) rng: &'a mut Rng,
    /// Numbers that were not given out before.
    pub(crate) fresh: &'a mut u64,
    pub(crate) effects: Vec<Effect>,
}

impl Desk<'_> {
    fn fresh(&mut self) -> u64 {
        *self.fresh += 1;
        *self.fresh
    }

    fn tell(&mut self, call: Call, told: Told) {
        self.effects.push(Effect::Tell(call, told));
    }

    fn timer(&mut self, in_ms: u64, timer: Timer) {
        self.effects.push(Effect::Timer(self.now + in_ms, timer));
    }
}

/// A process. A new one remembers nothing of the one before.
#[derive(Default)]
pub(crate) struct Node {
    pub(crate) connected: bool,
    /// Server and epoch, once the partition was opened over this connection.
    known: Option<Place>,
    /// The last epoch that it knew.
    epoch: Option<u64>,
    /// Highest sequence of that epoch that it acknowledged or told.
    acknowledged: u64,
    /// Sequence of the latest news.
    seen: u64,
    /// The last check was ahead of the news.
    ahead: bool,
    /// When a write was sent that the replica has confirmed.
    confirmed: Option<u64>,
    /// The partition has lost commits.
    pub(crate) stopped: bool,
    memory: BTreeMap<usize, Rc<Stored>>,
    pub(crate) calls: BTreeMap<u64, Call>,
    asked: BTreeMap<u64, Asked>,
}

impl Node {
    pub(crate) fn start(desk: &mut Desk<'_>) -> Self {
        desk.timer(CHECK_MS, Timer::Check);
        desk.timer(BEAT_MS, Timer::Beat);
        Self::default()
    }

    fn ask(&mut self, desk: &mut Desk<'_>, asked: Asked, request: Request) {
        let number = desk.fresh();
        self.asked.insert(number, asked);
        desk.effects.push(Effect::Send(number, request));
    }

    pub(crate) fn connect(&mut self, desk: &mut Desk<'_>) {
        self.connected = true;
        self.ask(desk, Asked::Open, Request::Open);
    }

    /// The connection has ended. Nobody knows whether the requests under way were carried out.
    pub(crate) fn disconnected(&mut self) {
        (self.connected, self.known, self.confirmed) = (false, None, None);
        self.asked.clear();
        for call in self.calls.values_mut() {
            match &mut call.stage {
                Stage::Committing(..) => call.resent = true,
                Stage::Idle | Stage::Parked => {}
                stage @ (Stage::Reading | Stage::Confirming(_)) => *stage = Stage::Idle,
            }
        }
    }

    fn leave(&mut self, desk: &mut Desk<'_>) {
        self.disconnected();
        desk.effects.push(Effect::Disconnect);
    }

    /// A client asks.
    pub(crate) fn call(&mut self, desk: &mut Desk<'_>, mut call: Call) {
        if self.stopped {
            return desk.tell(call, Told::Unavailable);
        }
        let is_poll = matches!(call.op, Op::Poll(..));
        if let Op::Poll(_, until) = call.op {
            desk.timer(until.saturating_sub(desk.now), Timer::Call(call.id));
        }
        call.registered = is_poll && desk.rules.has(Rule::InterestFirst);
        let reads = is_poll && desk.rules.has(Rule::FirstLook);
        match self.memory.get(&call.user).cloned().filter(|_| !reads && self.known.is_some()) {
            Some(stored) => self.step(desk, call, &stored, false),
            None => self.read(desk, call),
        }
    }

    fn read(&mut self, desk: &mut Desk<'_>, mut call: Call) {
        call.again = false;
        if self.known.is_some() {
            call.stage = Stage::Reading;
            self.ask(desk, Asked::Call(call.id), Request::Read(call.user));
        } else {
            call.stage = Stage::Idle;
        }
        self.calls.insert(call.id, call);
    }

    /// Goes on with a call by an account, which was just read if `is_fresh`.
    fn step(&mut self, desk: &mut Desk<'_>, mut call: Call, stored: &Stored, is_fresh: bool) {
        let fresh = desk.fresh();
        match run(&call, stored, desk.now, fresh, desk.limits) {
            Next::Commit(change, told) => {
                let (user, parent) = (call.user, stored.version);
                let unit = Unit { id: fresh, call: call.id, user, parent, change };
                (call.resent, call.stage) = (false, Stage::Committing(unit.into(), told));
                self.send(desk, call);
            }
            Next::Known(told) => desk.tell(call, told),
            Next::Ended(outcome) => self.found(desk, call, outcome),
            Next::Open => self.park(desk, call),
            Next::Refused if is_fresh => desk.tell(call, Told::Refused),
            Next::Refused => self.read(desk, call),
        }
    }

    /// Sends the unit of a call, for the first time or again.
    fn send(&mut self, desk: &mut Desk<'_>, mut call: Call) {
        call.tries += 1;
        if call.tries > TRIES_MAX {
            self.memory.remove(&call.user);
            return desk.tell(call, Told::Unavailable);
        }
        if let (Stage::Committing(unit, _), Some(known)) = (&call.stage, self.known) {
            self.ask(desk, Asked::Call(call.id), Request::Commit(Unit::clone(unit), known));
        }
        self.calls.insert(call.id, call);
    }

    /// Tells an end that another node, or an earlier call, has recorded.
    fn found(&mut self, desk: &mut Desk<'_>, mut call: Call, outcome: Outcome) {
        if desk.rules.waits() && desk.rules.has(Rule::EndConfirmed) && self.known.is_some() {
            call.stage = Stage::Confirming(outcome);
            self.ask(desk, Asked::Call(call.id), Request::Beat);
            self.calls.insert(call.id, call);
            return;
        }
        self.acknowledged = self.acknowledged.max(call.sequence);
        desk.tell(call, Told::Ended(outcome));
    }

    fn park(&mut self, desk: &mut Desk<'_>, mut call: Call) {
        if matches!(call.op, Op::Poll(_, until) if desk.now >= until) {
            return desk.tell(call, Told::Pending);
        }
        if call.again {
            return self.read(desk, call);
        }
        (call.stage, call.registered) = (Stage::Parked, true);
        self.calls.insert(call.id, call);
    }

    pub(crate) fn timer(&mut self, desk: &mut Desk<'_>, timer: Timer) {
        match timer {
            Timer::Check => {
                desk.timer(CHECK_MS, Timer::Check);
                if self.known.is_some() && desk.rules.has(Rule::Check) {
                    self.ask(desk, Asked::Sequence, Request::Sequence);
                }
            }
            Timer::Beat => {
                desk.timer(BEAT_MS, Timer::Beat);
                if self.known.is_some() && desk.rules.waits() {
                    self.ask(desk, Asked::Beat { sent_at: desk.now }, Request::Beat);
                }
            }
            Timer::Call(id) => {
                let Some(call) = self.calls.remove(&id) else { return };
                match call.stage {
                    Stage::Parked | Stage::Idle => self.read(desk, call),
                    Stage::Committing(..) if call.resent => self.send(desk, call),
                    Stage::Reading | Stage::Committing(..) | Stage::Confirming(_) => {
                        self.calls.insert(id, call);
                    }
                }
            }
        }
    }

    pub(crate) fn news(&mut self, desk: &mut Desk<'_>, news: News) {
        if self.known.map(|known| known.epoch) != Some(news.epoch) || news.sequence <= self.seen {
            return;
        }
        let is_gap = news.sequence > self.seen + 1;
        self.seen = news.sequence;
        if is_gap {
            desk.effects.push(Effect::Reached("a gap in the news"));
        }
        let everybody = is_gap && desk.rules.has(Rule::Gap);
        self.look(desk, Some(news.user).filter(|_| !everybody));
    }

    /// Has the polls of a user, or all of them, read again.
    fn look(&mut self, desk: &mut Desk<'_>, user: Option<usize>) {
        self.memory.retain(|known, _| user.is_some_and(|user| user != *known));
        let concerned = |call: &&Call| call.registered && user.is_none_or(|user| user == call.user);
        let concerned: Vec<_> = self.calls.values().filter(concerned).map(|c| c.id).collect();
        for id in concerned {
            let Some(mut call) = self.calls.remove(&id) else { continue };
            if matches!(call.stage, Stage::Parked) {
                self.read(desk, call);
            } else {
                call.again = true;
                self.calls.insert(id, call);
            }
        }
    }

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

    /// The partition, as this connection found it: a new epoch is compared with what was known.
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

    /// Tells whether a read counts; the connection ends where it was one to another place.
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
                self.memory.insert(call.user, stored.clone());
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
