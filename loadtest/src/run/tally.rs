//! The tally of a run: arrivals, results, latencies and failures. It is complete at any moment, so
//! that a run that is cut short loses nothing.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::LoadError;
use crate::client::recorder::Recorder;
use crate::out::report::model::{Failures, Step, Totals};
use crate::out::report::step;

/// Longest time that is told apart from longer ones, in microseconds: ten minutes.
const LONGEST_US: u64 = 600_000_000;
const SIGNIFICANT_DIGITS: u8 = 3;
/// A begin so much later than it was meant to be counts as late.
const LATE: Duration = Duration::from_millis(1);
/// Kinds of failures that are told apart; more are counted together.
const KINDS_MAX: usize = 100;

/// The tally of a run.
pub struct Tally {
    /// The step whose times are those of the whole.
    main: &'static str,
    pages: Mutex<Pages>,
}

#[derive(Default)]
struct Pages {
    totals: Totals,
    in_flight: u64,
    steps: BTreeMap<&'static str, Histogram<u64>>,
    errors: HashMap<(&'static str, String), Failures>,
    interval: Interval,
}

/// Counts since the last look.
#[derive(Clone, Debug, Default)]
pub struct Interval {
    /// Scheduled arrivals.
    pub offered: u64,
    /// Arrivals that completed.
    pub completed: u64,
    /// Arrivals that failed.
    pub failed: u64,
    /// Failed arrivals that got no answer.
    pub unanswered: u64,
    /// Arrivals that were refused.
    pub refused: u64,
    /// Lifecycles under way.
    pub in_flight: u64,
    /// Times of the whole, in microseconds; none if nothing completed.
    pub times: Option<Histogram<u64>>,
}

impl Tally {
    /// An empty one. Times of `main` are those of the whole.
    #[must_use]
    pub fn new(main: &'static str) -> Self {
        Self { main, pages: Mutex::default() }
    }

    /// Counts a scheduled arrival.
    pub fn offered(&self) {
        let mut pages = self.pages();
        pages.totals.offered += 1;
        pages.interval.offered += 1;
    }

    /// Counts an arrival that began, with its delay.
    pub fn begun(&self, late: Duration) {
        let mut pages = self.pages();
        pages.totals.begun += 1;
        pages.in_flight += 1;
        if late > LATE {
            pages.totals.late += 1;
            pages.totals.late_max_us = pages.totals.late_max_us.max(micros(late));
        }
    }

    /// It ended.
    pub fn ended(&self, recorder: &Recorder, result: Result<(), &LoadError>) {
        let mut pages = self.pages();
        pages.in_flight = pages.in_flight.saturating_sub(1);
        pages.record(recorder, self.main);
        match result {
            Ok(()) => {
                pages.totals.completed += 1;
                pages.interval.completed += 1;
            }
            Err(error) => {
                if error.is_refusal() {
                    pages.totals.refused += 1;
                    pages.interval.refused += 1;
                } else {
                    pages.totals.failed += 1;
                    pages.interval.failed += 1;
                    pages.interval.unanswered += u64::from(error.is_transport());
                }
                pages.wrong(
                    error.step(),
                    error.kind(),
                    error.is_refusal(),
                    || error.to_string(),
                    1,
                );
            }
        }
    }

    /// Times that belong to no arrival.
    pub fn record(&self, recorder: &Recorder) {
        self.pages().record(recorder, self.main);
    }

    /// Arrivals that never began: all who could have taken them were busy to the end.
    pub fn unbegun(&self, count: u64, workers: usize) {
        if count == 0 {
            return;
        }
        let words = || format!("all {workers} were busy until the run ended");
        self.pages().wrong("begin", "never begun".to_owned(), false, words, count);
    }

    /// Counts arrivals under way as abandoned, because the run is over.
    pub fn abandon(&self) {
        let mut pages = self.pages();
        let count = std::mem::take(&mut pages.in_flight);
        if count == 0 {
            return;
        }
        pages.totals.failed += count;
        pages.interval.failed += count;
        let words = || "the run ended before they did".to_owned();
        pages.wrong("end", "unfinished".to_owned(), false, words, count);
    }

    /// Takes the counts since the last call.
    pub fn cut(&self) -> Interval {
        let mut pages = self.pages();
        let mut interval = std::mem::take(&mut pages.interval);
        interval.in_flight = pages.in_flight;
        interval
    }

    /// The totals so far.
    pub fn totals(&self) -> Totals {
        self.pages().totals.clone()
    }

    /// The times of every step that has some, in the order in which they happen.
    pub fn steps(&self) -> Vec<Step> {
        let pages = self.pages();
        let some = step::ALL.iter().filter_map(|(name, about)| {
            let times = pages.steps.get(name)?.clone();
            Some(Step { name: (*name).to_owned(), about: (*about).to_owned(), times })
        });
        some.collect()
    }

    /// Failures, most frequent first.
    pub fn errors(&self) -> Vec<Failures> {
        let mut all: Vec<_> = self.pages().errors.values().cloned().collect();
        all.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.kind.cmp(&b.kind)));
        all
    }

    /// A lock that a panic left is taken all the same: counts are right at any moment.
    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pages {
    fn record(&mut self, recorder: &Recorder, main: &'static str) {
        for (name, took) in recorder.times() {
            let us = micros(*took);
            self.steps.entry(name).or_insert_with(empty).saturating_record(us);
            if *name == main {
                self.interval.times.get_or_insert_with(empty).saturating_record(us);
            }
        }
    }

    fn wrong(
        &mut self,
        step: &'static str,
        kind: String,
        refusal: bool,
        first: impl FnOnce() -> String,
        count: u64,
    ) {
        let known = self.errors.contains_key(&(step, kind.clone()));
        let other = !known && self.errors.len() >= KINDS_MAX;
        let kind = if other { "of further kinds".to_owned() } else { kind };
        let failures = self.errors.entry((step, kind.clone())).or_insert_with(|| {
            let first = first();
            Failures { step: step.to_owned(), kind, count: 0, refusal, first }
        });
        failures.count += count;
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// An empty histogram of times in microseconds.
pub(crate) fn empty() -> Histogram<u64> {
    let bounded = Histogram::new_with_bounds(1, LONGEST_US, SIGNIFICANT_DIGITS);
    bounded.expect("the bounds and the digits are ones that it takes")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn took(ms: u64) -> Recorder {
        let mut recorder = Recorder::default();
        recorder.record(step::WHOLE, Duration::from_millis(ms));
        recorder
    }

    #[test]
    fn what_was_offered_begun_and_ended_adds_up() {
        let tally = Tally::new(step::WHOLE);
        (0..4).for_each(|_| tally.offered());
        [0, 1, 2000].iter().for_each(|us| tally.begun(Duration::from_micros(*us)));
        tally.ended(&took(3), Ok(()));
        tally.ended(&Recorder::default(), Err(&LoadError::Wrong("x")));
        tally.abandon();
        tally.unbegun(1, 3);
        let totals = tally.totals();
        assert_eq!((totals.offered, totals.begun, totals.completed, totals.failed), (4, 3, 1, 2));
        assert_eq!((totals.late, totals.late_max_us), (1, 2000));
        let kinds: Vec<_> = tally.errors().into_iter().map(|e| (e.step, e.kind, e.count)).collect();
        let expected = [("begin", "never begun"), ("end", "unfinished"), ("harness", "x")];
        assert_eq!(kinds.len(), 3);
        for (step, kind) in expected {
            assert!(kinds.contains(&(step.to_owned(), kind.to_owned(), 1)), "{kinds:?}");
        }
    }

    #[test]
    fn an_interval_holds_what_happened_since_the_last() {
        let tally = Tally::new(step::WHOLE);
        for ms in [1, 2] {
            tally.offered();
            tally.begun(Duration::ZERO);
            tally.ended(&took(ms), Ok(()));
            let cut = tally.cut();
            assert_eq!((cut.offered, cut.completed, cut.in_flight), (1, 1, 0));
            assert_eq!(cut.times.map(|t| t.max() / 1000), Some(ms));
        }
        let cut = tally.cut();
        assert_eq!((cut.offered, cut.completed, cut.times.is_none()), (0, 0, true));
        assert_eq!(tally.steps()[0].times.len(), 2);
    }

    #[test]
    fn kinds_of_failures_have_a_bound() {
        let tally = Tally::new(step::WHOLE);
        for number in 0..=KINDS_MAX {
            let error = LoadError::Input(number.to_string());
            tally.begun(Duration::ZERO);
            tally.ended(&Recorder::default(), Err(&error));
        }
        let errors = tally.errors();
        assert_eq!(errors.len(), KINDS_MAX + 1);
        assert_eq!(errors.iter().map(|e| e.count).sum::<u64>(), KINDS_MAX as u64 + 1);
    }
}
