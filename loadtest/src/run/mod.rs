//! Runs a scenario: starts its requests, times them and adds up the results.

pub mod drive;
pub(crate) mod meter;
pub(crate) mod sampler;
pub mod schedule;
pub mod stop;
pub mod tally;
pub mod times;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Takes a lock, also one that a panic left: whatever is behind these is right at any moment.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
