//! Units that were answered before they are recorded: their number, their age, and the bound on
//! both.

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
    /// Number of units ever answered early. It is also the number of the latest of them.
    answered: u64,
    /// Times at which the unrecorded units were answered, by the unit's number.
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

    /// Decides whether a unit that may lag is answered early. If it is, returns its number, and
    /// counts it as answered and not recorded.
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

    /// Tells whether units can still be answered early during an outage: the bound is a number of
    /// records, and it is not reached.
    pub(super) fn outlasts_outages(&self) -> bool {
        match self.durability {
            Durability::Async(Bound::Records(max)) => self.state().unwritten.len() < max,
            Durability::Sync | Durability::Async(Bound::Window(_)) => false,
        }
    }

    /// Tells whether the bound is a time. Then units that may lag wait for their record in an
    /// outage.
    pub(super) const fn is_bound_by_time(&self) -> bool {
        matches!(self.durability, Durability::Async(Bound::Window(_)))
    }

    /// Returns the number of units ever answered early, or none if all of them are recorded.
    pub(super) fn answered_unwritten(&self) -> Option<u64> {
        let state = self.state();
        (!state.unwritten.is_empty()).then_some(state.answered)
    }

    /// Removes the `units` oldest units, which are recorded now.
    pub(super) fn written(&self, units: usize) {
        if units > 0 {
            let mut state = self.state();
            for _ in 0..units {
                state.unwritten.pop_first();
            }
            state.show();
        }
    }

    /// Removes this unit, which is recorded now. Returns the number below which every unit is
    /// recorded.
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

    /// Locks the state even after a panic, because no code under this lock can panic halfway.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn count(units: usize) -> f64 {
    u32::try_from(units).map_or(f64::MAX, f64::from)
}
