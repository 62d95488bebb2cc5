//! Recorded set-backs of the clock, so that nothing expired becomes valid again.
//!
//! A clock that was set back later reaches the same times again. Then a later process may run, and
//! it cannot see from a time alone whether it was before or after the set-back. So the store keeps
//! each set-back with a number, and a token or ticket bears the number of the last set-back before
//! it was issued.

use crate::time::{SetBack, UnixMillis};

/// Tenant id of the store's record that keeps the set-backs. No real tenant may have this id.
pub const SET_BACKS_TENANT: &str = "countersign--clock";

/// Maximum number of set-backs that are kept. A further one replaces the oldest.
pub const SET_BACKS_MAX: usize = 32;

/// The recorded set-backs, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetBacks(Vec<Numbered>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Numbered {
    /// Number of the set-back. The first has 1, and each further one has the next number.
    number: u64,
    latest: UnixMillis,
    set_back: SetBack,
}

impl SetBacks {
    /// Returns the set-backs after a start at `now`, if `latest` is the highest time that was
    /// recorded before. `None` if the start adds none, because the clock is not behind, or because
    /// an earlier start has recorded the same set-back.
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

    /// Returns the number of the last set-back, or 0 if there is none. Tokens and tickets that are
    /// issued now bear it.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.0.last().map_or(0, |last| last.number)
    }

    /// Converts a time `at` to the present clock, where `at` is the issue time of something that
    /// bears set-back `number`.
    #[must_use]
    pub fn dated(&self, at: UnixMillis, number: u64) -> UnixMillis {
        let later = self.0.iter().filter(|one| one.number > number);
        later.fold(at, |at, one| one.set_back.dated(at))
    }

    /// Returns the set-backs as rows to store: the number, the highest time before, and the time of
    /// the start. Times are in milliseconds.
    #[must_use]
    pub fn to_rows(&self) -> Vec<[u64; 3]> {
        self.0.iter().map(|one| [one.number, one.latest.0, one.set_back.began().0]).collect()
    }

    /// Restores set-backs from stored rows.
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
