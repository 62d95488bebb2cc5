//! Set-backs of the clock that a store remembers, so that nothing that is over comes back.
//!
//! A clock that was set back reaches the times of the clock before it again. By then a later
//! process may run, which cannot tell from the clock what an earlier one issued at those times. So
//! each set-back is numbered and kept, and what is issued bears the number of the last one.

use crate::time::{SetBack, UnixMillis};

/// The tenant of the record that they are kept in. No tenant may be called so.
pub const SET_BACKS_TENANT: &str = "countersign--clock";

/// Set-backs that are kept, at most. The oldest gives way.
pub const SET_BACKS_MAX: usize = 32;

/// The set-backs so far, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetBacks(Vec<Numbered>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Numbered {
    /// Number of the set-back, from 1, rising.
    number: u64,
    latest: UnixMillis,
    set_back: SetBack,
}

impl SetBacks {
    /// The set-backs after a start at `now`, where `latest` is the highest time that was recorded
    /// before. None if there is no new one: the clock is not behind, or an earlier start has found
    /// the same.
    #[must_use]
    pub fn started(&self, latest: UnixMillis, now: UnixMillis) -> Option<Self> {
        let set_back = SetBack::of(latest, now)?;
        let is_same = |last: &Numbered| last.latest == latest && last.set_back.began() <= now;
        if self.0.last().is_some_and(is_same) {
            return None;
        }
        let mut all = self.0.clone();
        all.push(Numbered { number: self.number().saturating_add(1), latest, set_back });
        all.drain(..all.len().saturating_sub(SET_BACKS_MAX));
        Some(Self(all))
    }

    /// Gives the number of the last, 0 if there is none: what is issued now bears it.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.0.last().map_or(0, |last| last.number)
    }

    /// The time, by the clock of now, of something that was issued at `at` after the set-back of
    /// that number.
    #[must_use]
    pub fn dated(&self, at: UnixMillis, number: u64) -> UnixMillis {
        let later = self.0.iter().filter(|one| one.number > number);
        later.fold(at, |at, one| one.set_back.dated(at))
    }

    /// The set-backs as numbers to keep: number, highest time before and time of the start, the
    /// times in milliseconds.
    #[must_use]
    pub fn to_rows(&self) -> Vec<[u64; 3]> {
        self.0.iter().map(|one| [one.number, one.latest.0, one.set_back.began().0]).collect()
    }

    /// The set-backs of kept numbers.
    #[must_use]
    pub fn from_rows(rows: &[[u64; 3]]) -> Self {
        let numbered = |[number, latest, began]: &[u64; 3]| {
            let latest = UnixMillis(*latest);
            let set_back = SetBack::of(latest, UnixMillis(*began))?;
            Some(Numbered { number: *number, latest, set_back })
        };
        Self(rows.iter().filter_map(numbered).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;
    const BEGAN: UnixMillis = UnixMillis(1_735_689_600_000);
    const LATEST: UnixMillis = BEGAN.plus_ms(5 * HOUR);

    #[test]
    fn a_later_start_finds_the_same_set_back_and_dates_by_it() {
        let first = SetBacks::default().started(LATEST, BEGAN).unwrap();
        assert_eq!((SetBacks::default().number(), first.number()), (0, 1));
        for now in [BEGAN, BEGAN.plus_ms(HOUR), LATEST, LATEST.plus_ms(60_000)] {
            assert_eq!(first.started(LATEST, now), None);
        }
        assert_eq!(first.dated(LATEST, 0), BEGAN);
        assert_eq!(first.dated(LATEST, 1), LATEST, "of the clock that goes on");
        assert_eq!(first.dated(BEGAN.minus_ms(1), 0), BEGAN.minus_ms(1));
        assert_eq!(SetBacks::from_rows(&first.to_rows()), first);
    }

    #[test]
    fn what_is_over_stays_so_through_more_set_backs() {
        let first = SetBacks::default().started(LATEST, BEGAN).unwrap();
        let passed = LATEST.plus_ms(60_000);
        let second = first.started(passed, LATEST.minus_ms(3 * HOUR)).unwrap();
        assert_eq!(second.number(), 2);
        assert!(second.dated(LATEST, 0) <= BEGAN, "not as of the second start");
        assert_eq!(second.dated(passed, 1), LATEST.minus_ms(3 * HOUR));
        let behind_the_first = first.started(LATEST, BEGAN.minus_ms(1));
        assert_eq!(behind_the_first.unwrap().number(), 2);
    }

    #[test]
    fn the_oldest_gives_way_and_numbers_rise() {
        let mut all = SetBacks::default();
        for time in 0..40 {
            all = all.started(LATEST.plus_ms(time), BEGAN).unwrap();
        }
        assert_eq!((all.number(), all.to_rows().len()), (40, SET_BACKS_MAX));
    }
}
