//! Answers before their records: number and age of those that are not recorded.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::gauge;

use crate::ports::store::Unwritten;
use crate::store::durability::{Bound, Durability};
use crate::system::Stopwatch;
use crate::telemetry;

pub(super) struct Lag {
    durability: Durability,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Units answered early, ever: the number of the last.
    answered: u64,
    /// Start times of the unrecorded ones, by number.
    unwritten: BTreeMap<u64, Stopwatch>,
}

impl State {
    fn oldest_seconds(&self) -> f64 {
        self.unwritten.first_key_value().map_or(0.0, |(_, since)| since.seconds())
    }

    fn show(&self) {
        gauge!(telemetry::STORE_UNWRITTEN_UNITS).set(count(self.unwritten.len()));
        gauge!(telemetry::STORE_UNWRITTEN_SECONDS).set(self.oldest_seconds());
    }
}

impl Lag {
    pub(super) fn new(durability: Durability) -> Self {
        let lag = Self { durability, state: Mutex::default() };
        lag.state().show();
        lag
    }

    /// Decides whether a unit that may lag is answered early. It counts as answered then, and gets
    /// a number.
    pub(super) fn admit(&self) -> Option<u64> {
        let mut state = self.state();
        let admits = match self.durability {
            Durability::Sync => false,
            Durability::Async(Bound::Window(window)) => {
                state.oldest_seconds() <= window.as_secs_f64()
            }
            Durability::Async(Bound::Records(max)) => state.unwritten.len() < max,
        };
        if !admits {
            return None;
        }
        state.answered += 1;
        let number = state.answered;
        state.unwritten.insert(number, Stopwatch::start());
        state.show();
        Some(number)
    }

    /// Tells whether the bound is high enough to bridge an outage.
    pub(super) fn outlasts_outages(&self) -> bool {
        match self.durability {
            Durability::Async(Bound::Records(max)) => self.state().unwritten.len() < max,
            Durability::Sync | Durability::Async(Bound::Window(_)) => false,
        }
    }

    /// Tells whether units that may lag wait for their records in an outage.
    pub(super) const fn is_bound_by_time(&self) -> bool {
        matches!(self.durability, Durability::Async(Bound::Window(_)))
    }

    /// Number of units ever answered early, if one of them is not recorded.
    pub(super) fn answered_unwritten(&self) -> Option<u64> {
        let state = self.state();
        (!state.unwritten.is_empty()).then_some(state.answered)
    }

    /// Notes that the oldest `units` are recorded.
    pub(super) fn written(&self, units: usize) {
        if units > 0 {
            let mut state = self.state();
            for _ in 0..units {
                state.unwritten.pop_first();
            }
            state.show();
        }
    }

    /// Notes that this unit is recorded. Returns the number below which every unit is recorded.
    pub(super) fn recorded(&self, number: u64) -> u64 {
        let mut state = self.state();
        state.unwritten.remove(&number);
        state.show();
        state.unwritten.first_key_value().map_or(state.answered + 1, |(first, _)| *first)
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

pub(super) fn count(units: usize) -> f64 {
    u32::try_from(units).map_or(f64::MAX, f64::from)
}
