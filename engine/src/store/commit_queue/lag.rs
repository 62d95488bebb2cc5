//! What was answered before it was recorded: how much, and how old the oldest of it is.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::gauge;

use super::Durability;
use crate::ports::store::Unwritten;
use crate::store::durability::Bound;
use crate::system::Stopwatch;
use crate::telemetry;

pub(super) struct Lag {
    durability: Durability,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Units answered early, ever.
    answered: u64,
    /// When each was that is not recorded, oldest first.
    unwritten: VecDeque<Stopwatch>,
}

impl State {
    fn oldest_seconds(&self) -> f64 {
        self.unwritten.front().map_or(0.0, Stopwatch::seconds)
    }

    fn show(&self) {
        gauge!(telemetry::STORE_UNWRITTEN_UNITS).set(super::count(self.unwritten.len()));
        gauge!(telemetry::STORE_UNWRITTEN_SECONDS).set(self.oldest_seconds());
    }
}

impl Lag {
    pub(super) fn new(durability: Durability) -> Self {
        let lag = Self { durability, state: Mutex::default() };
        lag.state().show();
        lag
    }

    /// Whether a unit that may lag is answered early. It is counted as answered then.
    pub(super) fn admit(&self) -> bool {
        let mut state = self.state();
        let admits = match self.durability {
            Durability::Sync => false,
            Durability::Async(Bound::Window(window)) => {
                state.oldest_seconds() <= window.as_secs_f64()
            }
            Durability::Async(Bound::Records(max)) => state.unwritten.len() < max,
        };
        if admits {
            state.answered += 1;
            state.unwritten.push_back(Stopwatch::start());
            state.show();
        }
        admits
    }

    /// How many units were ever answered early, if one of them is not recorded.
    pub(super) fn answered_unwritten(&self) -> Option<u64> {
        let state = self.state();
        (!state.unwritten.is_empty()).then_some(state.answered)
    }

    /// The oldest so many are recorded.
    pub(super) fn written(&self, units: usize) {
        if units > 0 {
            let mut state = self.state();
            state.unwritten.drain(..units);
            state.show();
        }
    }

    pub(super) fn unwritten(&self) -> Unwritten {
        let state = self.state();
        state.show();
        let oldest = Duration::from_secs_f64(state.oldest_seconds());
        Unwritten { records: state.unwritten.len(), oldest }
    }

    /// Nothing that is done under this lock can panic half way.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
