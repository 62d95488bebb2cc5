//! The latest acknowledged units, in their order. If Redis loses them, the commit task writes them
//! again.

use std::collections::VecDeque;

use super::unit::Unit;

/// Largest number of remembered units: those of a few seconds on a busy server. A Redis that syncs
/// once a second, or a replica that becomes the primary, can lack that many.
const UNITS_MAX: usize = 16_384;

/// Attempt number of a unit that Redis has lost.
const NOT_RECORDED: u64 = u64::MAX;

/// Acknowledged units that can be written again, each with its attempt.
pub(super) struct Journal {
    units: VecDeque<(u64, Unit)>,
    /// Attempt after which the journal has every unit.
    floor: u64,
}

impl Journal {
    /// Makes an empty journal for the attempts after `floor`.
    pub(super) const fn after(floor: u64) -> Self {
        Self { units: VecDeque::new(), floor }
    }

    pub(super) fn push(&mut self, attempt: u64, unit: Unit) {
        if self.units.len() >= UNITS_MAX
            && let Some((oldest, _)) = self.units.pop_front()
        {
            self.floor = self.floor.max(oldest);
        }
        self.units.push_back((attempt, unit));
    }

    /// Tells whether the journal has every unit after this attempt, which is the latest that Redis
    /// has.
    pub(super) const fn reaches(&self, attempt: u64) -> bool {
        attempt >= self.floor
    }

    /// Marks every unit after this attempt, which is the latest that Redis has, as lost. Returns
    /// the number of lost units.
    pub(super) fn lose_after(&mut self, attempt: u64) -> usize {
        let lost = self.units.iter_mut().filter(|(at, _)| *at > attempt);
        lost.map(|(at, _)| *at = NOT_RECORDED).count()
    }

    /// Returns the next lost units to write again. It ends before the first that `admit` rejects.
    pub(super) fn lost(&self, mut admit: impl FnMut(&Unit) -> bool) -> Vec<Unit> {
        let lost = self.units.iter().filter(|(at, _)| *at == NOT_RECORDED);
        lost.map(|(_, unit)| unit).take_while(|unit| admit(unit)).cloned().collect()
    }

    /// Marks the first `count` lost units as recorded with this attempt.
    pub(super) fn found(&mut self, count: usize, attempt: u64) {
        let lost = self.units.iter_mut().filter(|(at, _)| *at == NOT_RECORDED);
        lost.take(count).for_each(|(at, _)| *at = attempt);
    }
}

#[cfg(test)]
mod tests {
    use countersign_core::id::TenantId;

    use super::*;

    fn unit(n: u8) -> Unit {
        Unit::Secret { tenant: TenantId::parse("demo").unwrap(), fresh: [n; 32] }
    }

    fn numbers(units: &[Unit]) -> Vec<u8> {
        let number = |unit: &Unit| match unit {
            Unit::Secret { fresh, .. } => fresh[0],
            Unit::Commit { .. } | Unit::Observe(_) | Unit::PutOff(_) | Unit::RemoveEvent(..) => {
                panic!("none was pushed")
            }
        };
        units.iter().map(number).collect()
    }

    #[test]
    fn what_a_redis_lacks_is_given_back_in_order() {
        let mut journal = Journal::after(10);
        for n in 0..6 {
            journal.push(11 + u64::from(n) / 2, unit(n));
        }
        assert_eq!(journal.lose_after(11), 4);
        let mut admitted = 0;
        let first = journal.lost(|_| {
            admitted += 1;
            admitted <= 3
        });
        assert_eq!(numbers(&first), [2, 3, 4]);
        journal.found(3, 20);
        // Redis loses the attempt again before the other unit was written.
        assert_eq!(journal.lose_after(20), 1);
        assert_eq!(numbers(&journal.lost(|_| true)), [5]);
        assert_eq!(journal.lose_after(19), 4);
        assert_eq!(numbers(&journal.lost(|_| true)), [2, 3, 4, 5]);
    }

    #[test]
    fn a_journal_reaches_back_as_far_as_it_has_dropped_nothing() {
        let mut journal = Journal::after(10);
        assert!(journal.reaches(10) && !journal.reaches(9));
        for attempt in 11..=11 + UNITS_MAX as u64 {
            journal.push(attempt, unit(0));
        }
        assert!(journal.reaches(11) && !journal.reaches(10));
    }
}
