//! A node, which answers calls from the records in Redis, caches accounts, and holds polls.
//!
//! A node gets calls, replies, news and timers as inputs. Its effects are requests to Redis,
//! answers to calls, and timers.

mod replies;

use std::collections::BTreeMap;
use std::rc::Rc;

use countersign_core::outcome::Outcome;

use crate::call::{Call, Next, Op, Stage, Told, run};
use crate::message::{Desk, Effect, News, Request, Timer};
use crate::redis::{Place, Stored, Unit};
use crate::rules::Rule;

/// Interval between comparisons of the partition's sequence number with the news, in milliseconds.
const CHECK_MS: u64 = 250;
/// Interval between small writes that show that the replica still confirms, in milliseconds.
const BEAT_MS: u64 = 100;
/// Maximum number of times that a call sends a unit.
const TRIES_MAX: u32 = 8;

/// Purpose of a request that has no reply yet.
#[derive(Clone, Copy, Debug)]
enum Asked {
    Open,
    Call(u64),
    Sequence,
    Beat { sent_at: u64 },
    Report,
}

/// A node's process. A new process has no data of the process before it.
#[derive(Default)]
pub(crate) struct Node {
    pub(crate) connected: bool,
    /// Server and epoch of the partition, if this connection has opened it.
    known: Option<Place>,
    /// The last epoch that the node knew.
    epoch: Option<u64>,
    /// Highest sequence number of this epoch that the node has acknowledged to a client.
    acknowledged: u64,
    /// Sequence number of the latest news.
    seen: u64,
    /// True if the sequence number of the last check was higher than that of the latest news.
    ahead: bool,
    /// Time at which the last write was sent that the replica has confirmed.
    confirmed: Option<u64>,
    /// True if the node has stopped, because the partition has lost commits.
    pub(crate) stopped: bool,
    /// Accounts, each with the sequence of the read that it comes from: an end that is told from
    /// memory counts as told at that sequence.
    memory: BTreeMap<usize, (Rc<Stored>, u64)>,
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

    /// Handles the end of the connection. Requests without a reply may or may not have been carried
    /// out.
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

    /// Handles a client's call.
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
            Some((stored, sequence)) => {
                call.sequence = sequence;
                self.step(desk, call, &stored, false);
            }
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

    /// Takes the next step of a call with an account's state. `is_fresh` is true if the state was
    /// just read from Redis.
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

    /// Sends the unit of a call, for the first time or again. After [`TRIES_MAX`] sends the call is
    /// answered as unavailable.
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

    /// Answers a call with a recorded end, which another node or an earlier call has recorded. If
    /// writes wait for a replica, the answer waits for its confirmation.
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

    /// Drops cached accounts and makes registered calls read again: those of `user`, or all if
    /// `user` is `None`.
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
}
