//! A run of a scenario: its schedule, its measurement and its results.

pub mod drive;
pub(crate) mod meter;
pub(crate) mod sampler;
pub mod schedule;
pub mod stop;
pub mod tally;
pub mod times;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a mutex, even if a thread panicked while it held the lock: the data behind these mutexes
/// is consistent at any moment.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
