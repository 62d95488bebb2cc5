//! Measures how long work waits for its worker: something is put at the end of the worker's queue,
//! and looked at when its turn comes. It has to pass all that a request has to pass, and the
//! processor's other work. While the worker is late, requests have turns, and wait for these too.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use actix_web::rt;
use countersign_engine::system::Stopwatch;
use tokio::time::timeout;

use super::turn_queue::TurnQueue;
use super::{Lane, Overload};

/// Longest time for which a request waits for its turn. A caller must not wait for nothing.
const TURN_MAX: Duration = Duration::from_secs(1);
/// Minimum time between measures.
const EVERY_US: u64 = 1000;

/// The pulse of one worker. Clones are the same worker's; none leaves its thread.
#[derive(Clone)]
pub struct Pulse(Rc<State>);

struct State {
    /// Microseconds since any one moment.
    now_us: Box<dyn Fn() -> u64>,
    overload: RefCell<Overload>,
    turns: RefCell<TurnQueue>,
    /// Time for which requests wait for their turns.
    turns_us: Cell<u64>,
    /// True while a task calls the waiting requests to their turns.
    calling: Cell<bool>,
    /// Since when a measure is under way.
    out_since_us: Cell<Option<u64>>,
    last_us: Cell<u64>,
}

impl Pulse {
    /// A worker's that is late when work waits longer than that.
    pub fn new(target: Duration) -> Self {
        let watch = Stopwatch::start();
        Self::by(target, move || (watch.seconds() * 1e6) as u64)
    }

    /// Makes a pulse with another clock, which counts microseconds from any fixed moment.
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

    /// Measures, if it is time to, and answers whether a request of that lane may be answered. A
    /// rejected request measures too, so that the overload ends.
    pub fn admits(&self, lane: Lane) -> bool {
        let now_us = (self.0.now_us)();
        let mut overload = self.0.overload.borrow_mut();
        match self.0.out_since_us.get() {
            // It tells of a queue when that is over: too late, if the queue grows by the moment.
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

    /// Tells whether admitted requests wait for their turns: the worker is late, or others wait.
    pub fn has_turns(&self) -> bool {
        self.0.overload.borrow().is_late((self.0.now_us)()) || !self.0.turns.borrow().is_empty()
    }

    /// Waits for the turn of a request. `false` if it does not come in time.
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

/// Lets those in the queue begin, some in each round of the worker's loop, until nobody waits.
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
