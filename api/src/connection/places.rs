//! The places that a listener has for connections, over all of its workers.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use metrics::{Counter, Gauge, counter, gauge};

/// Connections that are open, by listener.
pub const CONNECTIONS: &str = "countersign_connections";
/// Connections that may be open, by listener.
pub const CONNECTIONS_MAX: &str = "countersign_connections_max";
/// Idle connections that were closed to make room, by listener.
pub const CONNECTIONS_GIVEN_WAY: &str = "countersign_connections_given_way_total";
/// Connections that were closed as soon as they were accepted, by listener.
pub const CONNECTIONS_REFUSED: &str = "countersign_connections_refused_total";

/// The places of one listener.
pub(super) struct Places {
    max: usize,
    /// Open connections above which the listener is under pressure.
    pressure: usize,
    open: AtomicUsize,
    opened: Gauge,
    given_way: Counter,
    refused: Counter,
}

impl Places {
    /// Places for `max` connections of the listener of that name, which is under pressure above a
    /// share of them in percent.
    pub(super) fn new(listener: &'static str, max: usize, above_percent: usize) -> Arc<Self> {
        gauge!(CONNECTIONS_MAX, "listener" => listener).set(max as f64);
        let places = Self {
            max,
            pressure: max * above_percent / 100,
            open: AtomicUsize::new(0),
            opened: gauge!(CONNECTIONS, "listener" => listener),
            given_way: counter!(CONNECTIONS_GIVEN_WAY, "listener" => listener),
            refused: counter!(CONNECTIONS_REFUSED, "listener" => listener),
        };
        places.given_way.increment(0);
        places.refused.increment(0);
        Arc::new(places)
    }

    /// Gives a connection that was accepted its place, or refuses it: then it is closed at once.
    pub(super) fn accept(self: &Arc<Self>) -> Option<Place> {
        let place = Place(self.clone());
        self.opened.increment(1.0);
        if self.open.fetch_add(1, Ordering::Relaxed) >= self.max {
            self.refused.increment(1);
            return None;
        }
        Some(place)
    }

    /// Connections that are too many, for a worker that has `own` of all that are open: its part
    /// of those above the share, rounded up.
    pub(super) fn part_too_many(&self, own: usize) -> usize {
        let open = self.open.load(Ordering::Relaxed);
        let too_many = open.saturating_sub(self.pressure);
        (too_many * own).div_ceil(open.max(1))
    }

    pub(super) fn count_given_way(&self, connections: usize) {
        self.given_way.increment(connections as u64);
    }
}

/// A place that is taken.
pub(super) struct Place(Arc<Places>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
        self.0.opened.decrement(1.0);
    }
}

/// Connections of each worker, so that all of them together have no more than `max`. A worker that
/// is full is passed over, so that the places of the others are taken.
pub(super) const fn per_worker(max: usize, workers: NonZeroUsize) -> usize {
    let share = max / workers.get();
    if share == 0 { 1 } else { share }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_connection_more_than_there_are_places_is_refused() {
        let places = Places::new("test", 2, 75);
        let mut taken: Vec<_> = (0..2).map(|_| places.accept().unwrap()).collect();
        assert!(places.accept().is_none());
        taken.pop();
        assert!(places.accept().is_some());
    }

    #[test]
    fn workers_have_no_more_places_together_than_there_are_and_leave_few_unused() {
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
        let places = Places::new("test", 100, 75);
        let taken: Vec<_> = (0..75).map(|_| places.accept().unwrap()).collect();
        assert_eq!(places.part_too_many(75), 0);
        let more: Vec<_> = (0..20).map(|_| places.accept().unwrap()).collect();
        assert_eq!(places.part_too_many(95), 20);
        assert_eq!(places.part_too_many(90) + places.part_too_many(5), 19 + 2);
        assert_eq!(places.part_too_many(0), 0);
        drop((taken, more));
        assert_eq!(places.part_too_many(0), 0);
    }
}
