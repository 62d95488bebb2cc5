//! A node: it answers calls from the records in Redis, remembers accounts, and holds polls.
//!
//! A node is told of everything as an input, and answers by effects: requests to Redis, answers to
//! calls, and timers.

mod replies;

use std::collections::BTreeMap;
use std::rc::Rc;

use countersign_core::outcome::Outcome;

use crate::call::{Call, Next, Op, Stage, Told, run};
use crate::message::{Desk, Effect, News, Request, Timer};
use crate::redis::{Place, Stored, Unit};
use crate::rules::Rule;

/// Between two comparisons of the sequence with the news.
const CHECK_MS: u64 = 250;
/// Between two writes that show that the replica still confirms.
const BEAT_MS: u64 = 100;
/// Runs of a transition, and sends of a unit, at most.
const TRIES_MAX: u32 = 8;

/// The purpose of a request under way.
#[derive(Clone, Copy, Debug)]
enum Asked {
    Open,
    Call(u64),
    Sequence,
    Beat { sent_at: u64 },
    Report,
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
}
