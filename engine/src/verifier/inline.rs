//! Choice of the checks that run on the caller's thread, without the pool.
//!
//! Waking a thread of the pool, and then the caller, takes longer than a check, and much longer on
//! a busy machine. So two kinds of checks run on the caller's thread. The first kind is a check
//! after a pause of 1 ms ([`PAUSE_US`]) without a request, while no other check is queued or
//! running. Because of the pause, a thread that requests many checks does not run all of them
//! itself, and the others are batched. The second kind is a check that gains nothing from a batch,
//! until such checks have taken half of the thread's time. From then on the pool runs them, because
//! its threads are of help under that load.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::system::Stopwatch;

/// Minimum time since the last request for a check, in microseconds, for a check on the caller's
/// thread.
pub(super) const PAUSE_US: u64 = 1_000;

/// Length of a period, in microseconds, half of which a thread may spend on checks that do not
/// batch.
const SPAN_US: u64 = 10_000;

/// Factor by which the duration of a check counts if its signature is bad.
const BAD_COUNTS: u64 = 4;

thread_local! {
    static SPENT: Cell<Spent> = const { Cell::new(Spent { since_us: 0, us: 0 }) };
}

pub(super) struct Inline {
    watch: Stopwatch,
    /// Time of the last request for a check, in microseconds of the watch.
    last_us: AtomicU64,
}

/// Time that checks on the caller's thread have taken of it since a period began, in microseconds.
#[derive(Clone, Copy)]
struct Spent {
    since_us: u64,
    us: u64,
}

impl Inline {
    pub(super) fn new() -> Self {
        Self { watch: Stopwatch::start(), last_us: AtomicU64::new(0) }
    }

    fn now_us(&self) -> u64 {
        (self.watch.seconds() * 1e6) as u64
    }

    /// Returns true if a check should run on the caller's thread. `batches` is true if the check
    /// can be part of a batch, and `others` is true if another check is queued or running. Two
    /// threads that ask at the same moment may both get true, which does no harm.
    pub(super) fn asked(&self, batches: bool, others: bool) -> bool {
        let now_us = self.now_us();
        let before_us = self.last_us.swap(now_us, Ordering::Relaxed);
        is_lone(before_us, now_us, others) || (!batches && SPENT.get().leaves_room(now_us))
    }

    /// Adds the duration of a check to the time that checks have taken of this thread. A check of a
    /// bad signature counts [`BAD_COUNTS`] times, so that a flood of bad signatures soon goes to
    /// the pool, whose queue is bounded.
    pub(super) fn made(&self, us: u64, is_good: bool) {
        let us = if is_good { us } else { us.saturating_mul(BAD_COUNTS) };
        SPENT.set(SPENT.get().and(self.now_us(), us));
    }
}

impl Spent {
    const fn is_over(self, now_us: u64) -> bool {
        now_us.saturating_sub(self.since_us) >= SPAN_US
    }

    const fn leaves_room(self, now_us: u64) -> bool {
        self.is_over(now_us) || self.us < SPAN_US / 2
    }

    const fn and(self, now_us: u64, us: u64) -> Self {
        if self.is_over(now_us) {
            return Self { since_us: now_us, us };
        }
        Self { us: self.us.saturating_add(us), ..self }
    }
}

const fn is_lone(before_us: u64, now_us: u64, others: bool) -> bool {
    !others && now_us.saturating_sub(before_us) >= PAUSE_US
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_is_lone_after_a_pause_and_beside_no_other() {
        assert!(is_lone(5_000, 6_000, false));
        assert!(!is_lone(5_000, 5_999, false));
        assert!(!is_lone(5_000, 60_000, true));
        assert!(!is_lone(5_000, 4_000, false), "two threads may read the watch in either order");
    }

    #[test]
    fn whatever_is_asked_for_begins_the_pause_anew() {
        let inline = Inline { watch: Stopwatch::start(), last_us: AtomicU64::new(0) };
        inline.last_us.store(u64::MAX, Ordering::Relaxed);
        assert!(!inline.asked(true, false));
        assert!(inline.last_us.load(Ordering::Relaxed) < u64::MAX);
    }

    #[test]
    fn half_of_a_threads_time_goes_to_checks_that_do_not_batch() {
        let fresh = Spent { since_us: 0, us: 0 };
        let busy = (1..=100).fold(fresh, |spent, n| spent.and(n * 50, 50));
        assert_eq!(busy.us, SPAN_US / 2);
        assert!(!busy.leaves_room(SPAN_US - 1));
        assert!(busy.leaves_room(SPAN_US), "a new span begins");
        let next = busy.and(SPAN_US, 50);
        assert!(next.leaves_room(SPAN_US + 1));
        assert_eq!(next.us, 50);
    }

    #[test]
    fn a_check_that_batches_has_no_share_of_that_time() {
        let inline = Inline::new();
        inline.asked(true, false);
        assert!(!inline.asked(true, true));
        assert!(inline.asked(false, true));
        inline.made(SPAN_US / 2 / BAD_COUNTS, true);
        assert!(inline.asked(false, true));
        inline.made(SPAN_US / 2 / BAD_COUNTS, false);
        assert!(!inline.asked(false, true));
    }
}
