//! Measurement of a worker's queue: a small task is put at the end of the queue, and the time until
//! it runs is recorded. The task waits behind the same work as a request, and behind other
//! processes. While the worker is late, requests wait in a turn queue too, and that time is added.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use actix_web::rt;
use countersign_engine::system::Stopwatch;
use tokio::time::timeout;

use super::turn_queue::TurnQueue;
use super::{Lane, Overload};

/// Longest time that a request waits for its turn. After it the caller gets a rejection, so that it
/// can retry instead of waiting in vain.
const TURN_MAX: Duration = Duration::from_secs(1);
/// Minimum time between two measurements, in microseconds.
const EVERY_US: u64 = 1000;

/// Pulse of one worker. Clones share its state, and none may leave the worker's thread.
#[derive(Clone)]
pub struct Pulse(Rc<State>);

struct State {
    /// Clock: microseconds since a fixed moment.
    now_us: Box<dyn Fn() -> u64>,
    overload: RefCell<Overload>,
    turns: RefCell<TurnQueue>,
    /// Longest time that a request in the turn queue has waited, in microseconds, as of the last
    /// round.
    turns_us: Cell<u64>,
    /// True while a task starts the requests of the turn queue.
    calling: Cell<bool>,
    /// Start of the measurement that is running, if one is.
    out_since_us: Cell<Option<u64>>,
    last_us: Cell<u64>,
}

impl Pulse {
    /// Creates the pulse of a worker that is late when work waits longer than `target`.
    pub fn new(target: Duration) -> Self {
        let watch = Stopwatch::start();
        Self::by(target, move || (watch.seconds() * 1e6) as u64)
    }

    /// Creates a pulse with another clock, which counts microseconds from any fixed moment.
    pub fn by(target: Duration, now_us: impl Fn() -> u64 + 'static) -> Self {
        let target_us = u64::try_from(target.as_micros()).unwrap_or(u64::MAX);
        Self(Rc::new(State {
            now_us: Box::new(now_us),
            overload: RefCell::new(Overload::new(target_us)),
            turns: RefCell::default(),
            turns_us: Cell::new(0),
            calling: Cell::new(false),
            out_since_us: Cell::new(None),
            last_us: Cell::new(0),
        }))
    }

    /// Starts a measurement if the last one is old enough, and decides whether a request of that
    /// lane is admitted. A rejected request starts one too, because the overload could not end
    /// without measurements.
    pub fn admits(&self, lane: Lane) -> bool {
        let now_us = (self.0.now_us)();
        let mut overload = self.0.overload.borrow_mut();
        match self.0.out_since_us.get() {
            // The measurement is still running, and its wait is already long. We record the wait
            // now, because in a fast-growing queue its end would come too late.
            Some(since_us) if overload.is_at_once(now_us.saturating_sub(since_us)) => {
                overload.note(now_us, now_us.saturating_sub(since_us));
            }
            None if now_us.saturating_sub(self.0.last_us.get()) >= EVERY_US => {
                self.0.out_since_us.set(Some(now_us));
                let state = self.0.clone();
                rt::spawn(async move { state.turn_came(now_us) });
            }
            Some(_) | None => {}
        }
        overload.admits(now_us, lane)
    }

    /// Returns true if admitted requests have to wait for a turn: the worker is late, or its turn
    /// queue has requests.
    pub fn has_turns(&self) -> bool {
        self.0.overload.borrow().is_late((self.0.now_us)()) || !self.0.turns.borrow().is_empty()
    }

    /// Waits for a request's turn. Returns `false` if the queue is full, or if the turn does not
    /// come within a second.
    pub async fn turn(&self, lane: Lane) -> bool {
        let Some(turn) = self.0.turns.borrow_mut().join(lane, (self.0.now_us)()) else {
            return false;
        };
        if !self.0.calling.replace(true) {
            rt::spawn(call(self.0.clone()));
        }
        timeout(TURN_MAX, turn).await.is_ok_and(|turn| turn.is_ok())
    }
}

/// Starts requests of the turn queue, some in each round of the worker's event loop, until the
/// queue is empty.
async fn call(state: Rc<State>) {
    let mut before_us = (state.now_us)();
    while !state.turns.borrow().is_empty() {
        tokio::task::yield_now().await;
        let now_us = (state.now_us)();
        let took_us = now_us.saturating_sub(before_us);
        state.turns_us.set(state.turns.borrow_mut().round(now_us, took_us));
        before_us = now_us;
    }
    state.turns_us.set(0);
    state.calling.set(false);
}

impl State {
    fn turn_came(&self, since_us: u64) {
        let now_us = (self.now_us)();
        self.out_since_us.set(None);
        self.last_us.set(now_us);
        let waited_us = now_us.saturating_sub(since_us).saturating_add(self.turns_us.get());
        self.overload.borrow_mut().note(now_us, waited_us);
    }
}
