//! Which checks are made where they are asked for, without the pool.
//!
//! To wake a thread of the pool, and then the asker, takes longer than a check, and on a busy
//! machine very much longer. So a check that comes after a pause, while none is queued or running,
//! is made at once. The pause keeps a thread that has many to ask for from making them all itself:
//! it spends at most a check in each pause on them, some 5 % of its time, and the rest are batched.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::system::Stopwatch;

/// From one check to the next that may be made where it is asked for.
pub(super) const PAUSE_US: u64 = 1_000;

pub(super) struct Lone {
    watch: Stopwatch,
    /// When a check was last asked for, in microseconds of the watch.
    last_us: AtomicU64,
}

impl Lone {
    pub(super) fn new() -> Self {
        Self { watch: Stopwatch::start(), last_us: AtomicU64::new(0) }
    }

    /// Whether a check that is asked for is a lone one; `others` says whether any is queued or
    /// running. Two threads that ask in the same moment may both hear yes, which does no harm.
    pub(super) fn asked(&self, others: bool) -> bool {
        let now_us = (self.watch.seconds() * 1e6) as u64;
        let before_us = self.last_us.swap(now_us, Ordering::Relaxed);
        is_lone(before_us, now_us, others)
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
        let lone = Lone { watch: Stopwatch::start(), last_us: AtomicU64::new(0) };
        lone.last_us.store(u64::MAX, Ordering::Relaxed);
        assert!(!lone.asked(false));
        assert!(lone.last_us.load(Ordering::Relaxed) < u64::MAX);
    }
}
