//! Whether a worker is late for good, or only for a moment: a queue that stays long is of no use
//! to anybody, and one that is soon empty is what queues are for.
//!
//! As CoDel does (RFC 8289), it looks at how long things waited and not at how many wait, and at
//! the least wait of an interval: a burst is let through. Unlike CoDel, it turns new work away at
//! once while it lasts, since the next measure is a millisecond off. It is told the time and keeps
//! none.

/// For how long every wait has to be above the target until the worker counts as late.
const INTERVAL_US: u64 = 100_000;
/// How long after the last wait above the target it still does.
const CALM_US: u64 = 1_000_000;
/// Age at which the last measure says nothing any more.
const STALE_US: u64 = INTERVAL_US;

/// How late a worker is. Times are microseconds since any one moment.
#[derive(Clone, Debug)]
pub struct Lateness {
    target_us: u64,
    /// Since when every wait was above the target.
    above_since_us: Option<u64>,
    /// When the last wait above the target was measured, of a worker that counts as late.
    late_us: Option<u64>,
    measured_us: u64,
}

impl Lateness {
    /// A worker that is in time, and late with waits above that many microseconds.
    pub const fn new(target_us: u64) -> Self {
        Self { target_us, above_since_us: None, late_us: None, measured_us: 0 }
    }

    /// Notes that something has waited for `waited_us` until now.
    pub fn note(&mut self, now_us: u64, waited_us: u64) {
        let silent_us = now_us.saturating_sub(self.measured_us);
        self.measured_us = now_us;
        if waited_us <= self.target_us {
            self.above_since_us = None;
            if !self.is_late(now_us) {
                self.late_us = None;
            }
            return;
        }
        // A wait that nothing was measured before begins a run of its own.
        if silent_us.saturating_sub(waited_us) > STALE_US {
            self.above_since_us = None;
        }
        let since_us = *self.above_since_us.get_or_insert(now_us);
        if self.is_late(now_us) || now_us.saturating_sub(since_us) >= INTERVAL_US {
            self.late_us = Some(now_us);
        }
    }

    /// Whether new work is to be turned away.
    pub fn sheds(&self, now_us: u64) -> bool {
        let is_fresh = now_us.saturating_sub(self.measured_us) < STALE_US;
        self.is_late(now_us) && self.above_since_us.is_some() && is_fresh
    }

    fn is_late(&self, now_us: u64) -> bool {
        self.late_us.is_some_and(|at| now_us.saturating_sub(at) < CALM_US)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1000;
    const TARGET: u64 = 5 * MS;

    /// Notes the same wait each millisecond of a span, and answers whether any moment sheds.
    fn pass(lateness: &mut Lateness, span: std::ops::Range<u64>, waited_us: u64) -> bool {
        let mut shed = false;
        for ms in span {
            lateness.note(ms * MS, waited_us);
            shed |= lateness.sheds(ms * MS);
        }
        shed
    }

    #[test]
    fn a_burst_is_let_through() {
        let mut lateness = Lateness::new(TARGET);
        assert!(!pass(&mut lateness, 0..100, 80 * MS));
        assert!(!pass(&mut lateness, 100..101, MS));
        assert!(!pass(&mut lateness, 101..200, 80 * MS), "one short wait begins the count anew");
    }

    #[test]
    fn a_queue_that_stays_is_shed_and_only_while_it_is_there() {
        let mut lateness = Lateness::new(TARGET);
        assert!(pass(&mut lateness, 0..120, TARGET + 1));
        assert!(!pass(&mut lateness, 120..130, TARGET), "the target itself is not above it");
        assert!(pass(&mut lateness, 130..131, TARGET + 1), "it is still late, and sheds at once");
    }

    #[test]
    fn it_is_in_time_again_after_a_calm_second() {
        let mut lateness = Lateness::new(TARGET);
        assert!(pass(&mut lateness, 0..120, 20 * MS));
        assert!(!pass(&mut lateness, 120..1119, MS));
        assert!(pass(&mut lateness.clone(), 1118..1119, 20 * MS));
        assert!(!pass(&mut lateness, 1120..1219, 20 * MS), "a new burst is let through");
    }

    #[test]
    fn what_was_measured_long_ago_turns_nobody_away() {
        let mut lateness = Lateness::new(TARGET);
        assert!(pass(&mut lateness, 0..120, 20 * MS));
        assert!(lateness.sheds(119 * MS));
        assert!(!lateness.sheds(219 * MS));
        lateness = Lateness::new(TARGET);
        lateness.note(0, 20 * MS);
        lateness.note(900 * MS, 20 * MS);
        assert!(!lateness.sheds(900 * MS), "two single waits, far from one another, are no queue");
    }

    #[test]
    fn a_time_that_goes_back_breaks_nothing() {
        let mut lateness = Lateness::new(TARGET);
        pass(&mut lateness, 500..700, 20 * MS);
        lateness.note(0, u64::MAX);
        assert!(!lateness.sheds(u64::MAX));
    }
}
