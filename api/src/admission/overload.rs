//! Detection of overload: decides whether a worker is late, and how much new work a late worker
//! admits.
//!
//! The rule is that of `CoDel` (RFC 8289): it uses the time that requests waited, and not their
//! number. A worker becomes late if every wait of an interval exceeds a target. So a short burst is
//! admitted, because queues exist for bursts. A single wait of five times the target makes the
//! worker late at once.
//!
//! While a worker is late, it admits new work only while its queue is short, and only as a share of
//! the requests that it finishes. The share is needed because new work causes further requests some
//! seconds later: the nonces, reads, decisions and polls of a person who has looked at their phone.
//!
//! The caller passes the time; this module reads no clock.

use super::Lane;

/// Microseconds for which every wait has to exceed the target before the worker counts as late.
const INTERVAL_US: u64 = 100_000;
/// Multiple of the target: a single wait of that length makes the worker late at once, because at
/// ten times its capacity a worker cannot wait for a whole interval.
const AT_ONCE_TARGETS: u64 = 5;
/// The interval for a worker that is late already, in microseconds. If every wait of it exceeds the
/// target, the worker stays late. It is not zero, because other work of the machine can cause a
/// single long wait.
const INTERVAL_LATE_US: u64 = 20_000;
/// Microseconds for which the worker stays late after the last delay that made it late.
const CALM_US: u64 = 2_000_000;
/// Microseconds after which the last measurement is too old to use.
const STALE_US: u64 = INTERVAL_US;

/// Credit that an admitted request of new work costs, that each admitted request brings, and that
/// each rejected request brings. With these figures one admitted request in three may be new work.
/// A sign-in has seven requests, and two of them are new work, so that the share leaves room for
/// the existing work of every admitted sign-in. A rejection brings half of the credit, because it
/// costs less than half of the work.
const NEW_COSTS: u32 = 6;
const ANSWER_BRINGS: u32 = 2;
const REFUSAL_BRINGS: u32 = 1;
/// Maximum of stored credit: 64 requests of new work can be admitted in one burst.
const CREDIT_MAX: u32 = 64 * NEW_COSTS;

/// State of a worker's overload. Times are microseconds since a fixed moment of the caller's
/// choice.
#[derive(Clone, Debug)]
pub struct Overload {
    target_us: u64,
    /// Time since which every wait exceeded the target.
    above_since_us: Option<u64>,
    /// Time of the last delay that made the worker late, or prolonged its lateness.
    late_us: Option<u64>,
    measured_us: u64,
    credit: u32,
}

impl Overload {
    /// Creates the state of a worker that is not late. Waits above `target_us` microseconds can
    /// make it late.
    pub const fn new(target_us: u64) -> Self {
        let (above_since_us, late_us) = (None, None);
        Self { target_us, above_since_us, late_us, measured_us: 0, credit: CREDIT_MAX }
    }

    /// Records a wait of `waited_us` microseconds that ended at `now_us`.
    pub fn note(&mut self, now_us: u64, waited_us: u64) {
        let silent_us = now_us.saturating_sub(self.measured_us);
        self.measured_us = now_us;
        if waited_us <= self.target_us {
            self.above_since_us = None;
            return;
        }
        // No measurement preceded this wait closely, so it starts a new interval.
        if silent_us.saturating_sub(waited_us) > STALE_US {
            self.above_since_us = None;
        }
        let since_us = *self.above_since_us.get_or_insert(now_us);
        let interval_us = if self.is_late(now_us) { INTERVAL_LATE_US } else { INTERVAL_US };
        let is_for_good = now_us.saturating_sub(since_us) >= interval_us;
        if is_for_good || self.is_at_once(waited_us) {
            self.late_us = Some(now_us);
        }
    }

    /// Returns true if one wait is long enough to make the worker late without a whole interval.
    pub const fn is_at_once(&self, waited_us: u64) -> bool {
        waited_us >= self.target_us.saturating_mul(AT_ONCE_TARGETS)
    }

    /// Decides whether a request is admitted, and updates the credit. Existing work is always
    /// admitted.
    pub fn admits(&mut self, now_us: u64, lane: Lane) -> bool {
        if !self.is_late(now_us) {
            self.credit = CREDIT_MAX;
            return true;
        }
        let is_let_in = match lane {
            Lane::Existing => true,
            Lane::New => !self.is_queue_long(now_us) && self.credit >= NEW_COSTS,
        };
        let costs = if is_let_in && lane == Lane::New { NEW_COSTS } else { 0 };
        let brings = if is_let_in { ANSWER_BRINGS } else { REFUSAL_BRINGS };
        self.credit = (self.credit - costs + brings).min(CREDIT_MAX);
        is_let_in
    }

    fn is_queue_long(&self, now_us: u64) -> bool {
        self.above_since_us.is_some() && now_us.saturating_sub(self.measured_us) < STALE_US
    }

    /// Returns true if the worker is late at `now_us`.
    pub fn is_late(&self, now_us: u64) -> bool {
        self.late_us.is_some_and(|at| now_us.saturating_sub(at) < CALM_US)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1000;
    const TARGET: u64 = 5 * MS;

    /// Records the same wait in each millisecond of a span, with one request of each lane. Returns
    /// the numbers of admitted and of rejected requests of new work.
    fn pass(overload: &mut Overload, span: std::ops::Range<u64>, waited_us: u64) -> (u64, u64) {
        let (mut let_in, all) = (0, span.end - span.start);
        for ms in span {
            overload.note(ms * MS, waited_us);
            assert!(overload.admits(ms * MS, Lane::Existing), "what exists is always served");
            let_in += u64::from(overload.admits(ms * MS, Lane::New));
        }
        (let_in, all - let_in)
    }

    #[test]
    fn a_burst_is_let_through() {
        let mut overload = Overload::new(TARGET);
        assert_eq!(pass(&mut overload, 0..100, 24 * MS), (100, 0));
        assert_eq!(pass(&mut overload, 100..101, MS), (1, 0));
        let again = pass(&mut overload, 101..200, 24 * MS);
        assert_eq!(again, (99, 0), "one short wait begins the count anew");
    }

    #[test]
    fn a_wait_of_five_times_the_target_is_late_at_once() {
        let mut overload = Overload::new(TARGET);
        assert_eq!(pass(&mut overload, 0..1, 5 * TARGET), (0, 1));
        assert_eq!(pass(&mut overload, 1..2, MS), (1, 0), "a short queue lets some in again");
    }

    #[test]
    fn new_work_is_turned_away_while_the_queue_is_long() {
        let mut overload = Overload::new(TARGET);
        pass(&mut overload, 0..101, TARGET + 1);
        assert_eq!(pass(&mut overload, 101..1000, TARGET + 1), (0, 899));
    }

    #[test]
    fn of_what_a_late_worker_answers_one_in_three_is_new_work() {
        let mut overload = Overload::new(TARGET);
        pass(&mut overload, 0..1000, 20 * MS);
        // The credit from before the worker was late is small, and soon used up.
        let (at_first, _) = pass(&mut overload, 1000..1600, TARGET);
        assert!(at_first <= 450, "{at_first}");
        let (new, refused) = pass(&mut overload, 1600..2900, TARGET);
        let credit = u64::from(ANSWER_BRINGS) * (1300 + new) + u64::from(REFUSAL_BRINGS) * refused;
        assert!(credit.abs_diff(new * u64::from(NEW_COSTS)) <= u64::from(NEW_COSTS), "{new}");
    }

    #[test]
    fn a_single_long_wait_does_not_keep_a_worker_late() {
        let mut overload = Overload::new(TARGET);
        pass(&mut overload, 0..120, 20 * MS);
        pass(&mut overload, 120..1900, MS);
        pass(&mut overload, 1900..1910, 20 * MS);
        pass(&mut overload, 1910..2119, MS);
        assert_eq!(pass(&mut overload, 2120..2219, 20 * MS), (99, 0));
    }

    #[test]
    fn it_is_in_time_again_after_two_calm_seconds() {
        let mut overload = Overload::new(TARGET);
        pass(&mut overload, 0..120, 20 * MS);
        let (_, refused) = pass(&mut overload, 120..2119, MS);
        assert!(refused > 600, "{refused}");
        assert_eq!(pass(&mut overload.clone(), 2118..2119, 20 * MS).0, 0);
        assert_eq!(pass(&mut overload, 2120..2219, 20 * MS), (99, 0), "a burst is let through");
    }

    #[test]
    fn what_was_measured_long_ago_turns_nobody_away() {
        let mut overload = Overload::new(TARGET);
        pass(&mut overload, 0..1000, 20 * MS);
        assert!(!overload.admits(999 * MS, Lane::New));
        assert!(overload.admits(1099 * MS, Lane::New));
        overload = Overload::new(TARGET);
        overload.note(0, 20 * MS);
        overload.note(900 * MS, 20 * MS);
        assert!(overload.admits(900 * MS, Lane::New), "two single waits are no queue");
    }

    #[test]
    fn a_time_that_goes_back_breaks_nothing() {
        let mut overload = Overload::new(TARGET);
        pass(&mut overload, 500..700, 20 * MS);
        overload.note(0, u64::MAX);
        assert!(overload.admits(u64::MAX, Lane::New));
    }
}
