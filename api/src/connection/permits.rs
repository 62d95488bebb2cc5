//! Permits of a listener for open connections, shared by its workers.

use std::num::NonZeroUsize;
use std::sync::Arc;

use metrics::{Counter, Gauge, counter, gauge};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::telemetry::{CONNECTIONS, CONNECTIONS_GIVEN_WAY, CONNECTIONS_MAX, CONNECTIONS_REFUSED};

/// Permits of one listener.
pub(super) struct Permits {
    max: usize,
    /// Number of open connections above which the listener is under pressure.
    pressure: usize,
    free: Arc<Semaphore>,
    opened: Gauge,
    given_way: Counter,
    refused: Counter,
}

impl Permits {
    /// Creates permits for `max` connections of a listener. It is under pressure if more than
    /// `above_percent` of them are taken.
    pub(super) fn new(listener: &'static str, max: usize, above_percent: usize) -> Arc<Self> {
        gauge!(CONNECTIONS_MAX, "listener" => listener).set(max as f64);
        let permits = Self {
            max,
            pressure: max * above_percent / 100,
            free: Arc::new(Semaphore::new(max)),
            opened: gauge!(CONNECTIONS, "listener" => listener),
            given_way: counter!(CONNECTIONS_GIVEN_WAY, "listener" => listener),
            refused: counter!(CONNECTIONS_REFUSED, "listener" => listener),
        };
        permits.given_way.increment(0);
        permits.refused.increment(0);
        Arc::new(permits)
    }

    /// Takes a permit for an accepted connection. Returns `None` if none is left; the caller then
    /// closes the connection.
    pub(super) fn accept(&self) -> Option<Permit> {
        let Ok(permit) = self.free.clone().try_acquire_owned() else {
            self.refused.increment(1);
            return None;
        };
        self.opened.increment(1.0);
        Some(Permit { _permit: permit, opened: self.opened.clone() })
    }

    /// Returns the number of connections that a worker should close. It is the worker's part,
    /// rounded up, of the connections above the pressure limit. The worker has `own` of all open
    /// connections.
    pub(super) fn part_too_many(&self, own: usize) -> usize {
        let open = self.max - self.free.available_permits();
        let too_many = open.saturating_sub(self.pressure);
        (too_many * own).div_ceil(open.max(1))
    }

    pub(super) fn count_given_way(&self, connections: usize) {
        self.given_way.increment(connections as u64);
    }
}

/// Permit of an open connection.
pub(super) struct Permit {
    _permit: OwnedSemaphorePermit,
    opened: Gauge,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.opened.decrement(1.0);
    }
}

/// Returns the maximum of connections for each worker, so that all workers together have at most
/// `max`, or one each. The library skips a full worker, so that every permit can be used.
pub(super) const fn per_worker(max: usize, workers: NonZeroUsize) -> usize {
    let share = max / workers.get();
    if share == 0 { 1 } else { share }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_connection_more_than_there_are_permits_is_refused() {
        let permits = Permits::new("test", 2, 75);
        let mut taken: Vec<_> = (0..2).map(|_| permits.accept().unwrap()).collect();
        assert!(permits.accept().is_none());
        taken.pop();
        assert!(permits.accept().is_some());
    }

    #[test]
    fn workers_have_no_more_permits_together_than_there_are_and_leave_few_unused() {
        for max in [1, 2, 63, 64, 65, 1000, 50_000] {
            for workers in [1, 2, 3, 7, 64, 512] {
                let workers = NonZeroUsize::new(workers).unwrap();
                let all = per_worker(max, workers) * workers.get();
                let unused = max.saturating_sub(all);
                assert!(all <= max.max(workers.get()) && unused < workers.get(), "{max} {workers}");
            }
        }
    }

    #[test]
    fn only_what_is_above_the_share_is_too_many_and_every_worker_has_its_part() {
        let permits = Permits::new("test", 100, 75);
        let taken: Vec<_> = (0..75).map(|_| permits.accept().unwrap()).collect();
        assert_eq!(permits.part_too_many(75), 0);
        let more: Vec<_> = (0..20).map(|_| permits.accept().unwrap()).collect();
        assert_eq!(permits.part_too_many(95), 20);
        assert_eq!(permits.part_too_many(90) + permits.part_too_many(5), 19 + 2);
        assert_eq!(permits.part_too_many(0), 0);
        drop((taken, more));
        assert_eq!(permits.part_too_many(0), 0);
    }
}
