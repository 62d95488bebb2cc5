//! The tally of a run: arrivals, results, latencies and failures. It is up to date at any moment,
//! so that a run that is cut short loses nothing.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::time::Duration;

use crate::LoadError;
use crate::client::recorder::Recorder;
use crate::out::report::model::{Failures, Step, Totals};
use crate::out::report::step;
use crate::run::lock;
use crate::run::times::Times;

/// Delay of a start above which an arrival counts as late.
const LATE: Duration = Duration::from_millis(1);
/// Maximum number of failure kinds. Further kinds are counted together.
const KINDS_MAX: usize = 100;

/// The tally of a run.
pub struct Tally {
    /// The step whose times are those of the whole work of an arrival.
    main: &'static str,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    totals: Totals,
    in_flight: u64,
    lateness: Times,
    steps: BTreeMap<&'static str, Times>,
    errors: HashMap<(&'static str, String), Failures>,
    interval: Interval,
}

/// Counts since the previous interval.
#[derive(Clone, Debug, Default)]
pub struct Interval {
    /// Number of scheduled arrivals.
    pub offered: u64,
    /// Number of arrivals that completed.
    pub completed: u64,
    /// Number of arrivals that failed.
    pub failed: u64,
    /// Number of failed arrivals that got no response.
    pub unanswered: u64,
    /// Number of arrivals that the server refused.
    pub refused: u64,
    /// Number of arrivals in progress at the end of the interval.
    pub in_flight: u64,
    /// Times of the main step.
    pub times: Times,
}

impl Tally {
    /// Creates an empty tally. `main` is the step whose times are those of the whole work of an
    /// arrival.
    pub fn new(main: &'static str) -> Self {
        Self { main, counts: Mutex::default() }
    }

    /// Counts a scheduled arrival.
    pub fn offered(&self) {
        let mut counts = lock(&self.counts);
        counts.totals.offered += 1;
        counts.interval.offered += 1;
    }

    /// Counts an arrival that began, with its delay after the scheduled start.
    pub fn begun(&self, late: Duration) {
        let mut counts = lock(&self.counts);
        counts.totals.begun += 1;
        counts.in_flight += 1;
        counts.lateness.add(late);
        if late > LATE {
            let us = u64::try_from(late.as_micros()).unwrap_or(u64::MAX);
            counts.totals.late += 1;
            counts.totals.late_max_us = counts.totals.late_max_us.max(us);
        }
    }

    /// Counts an arrival that ended, with its result and the times of its steps.
    pub fn ended(&self, recorder: &Recorder, result: Result<(), &LoadError>) {
        let mut counts = lock(&self.counts);
        counts.in_flight = counts.in_flight.saturating_sub(1);
        counts.record(recorder, self.main);
        match result {
            Ok(()) => {
                counts.totals.completed += 1;
                counts.interval.completed += 1;
            }
            Err(error) => {
                if error.is_refusal() {
                    counts.totals.refused += 1;
                    counts.interval.refused += 1;
                } else {
                    counts.totals.failed += 1;
                    counts.interval.failed += 1;
                    counts.interval.unanswered += u64::from(error.is_transport());
                }
                counts
                    .wrong(error.step(), error.kind(), error.is_refusal(), 1, || error.to_string());
            }
        }
    }

    /// Counts arrivals that never began, because all workers were busy until the end of the run.
    pub fn unbegun(&self, count: u64, workers: usize) {
        let words = || format!("all {workers} were busy until the run ended");
        lock(&self.counts).wrong("begin", "never begun".to_owned(), false, count, words);
    }

    /// Counts the arrivals in progress as failed, because the run is over.
    pub fn abandon(&self) {
        let mut counts = lock(&self.counts);
        let count = std::mem::take(&mut counts.in_flight);
        counts.totals.failed += count;
        counts.interval.failed += count;
        let words = || "the run ended before they did".to_owned();
        counts.wrong("end", "unfinished".to_owned(), false, count, words);
    }

    /// Ends the current interval and returns its counts.
    pub fn cut(&self) -> Interval {
        let mut counts = lock(&self.counts);
        let mut interval = std::mem::take(&mut counts.interval);
        interval.in_flight = counts.in_flight;
        interval
    }

    /// Returns the totals so far.
    pub fn totals(&self) -> Totals {
        lock(&self.counts).totals.clone()
    }

    /// Returns the times of every step that has some, in the order of the steps.
    pub fn steps(&self) -> Vec<Step> {
        let counts = lock(&self.counts);
        let some = step::ALL.iter().filter_map(|(name, about)| {
            let times = counts.steps.get(name)?.0.clone();
            Some(Step { name: (*name).to_owned(), about: (*about).to_owned(), times })
        });
        some.collect()
    }

    /// Returns the times of some steps, merged.
    pub fn times_of(&self, steps: &[&str]) -> Times {
        let counts = lock(&self.counts);
        let mut all = Times::default();
        steps.iter().filter_map(|name| counts.steps.get(name)).for_each(|times| all.merge(times));
        all
    }

    /// Returns the delays of the arrivals' starts after their scheduled times.
    pub fn lateness(&self) -> Times {
        lock(&self.counts).lateness.clone()
    }

    /// Returns the failures by step and kind, with the most frequent first.
    pub fn errors(&self) -> Vec<Failures> {
        let mut all: Vec<_> = lock(&self.counts).errors.values().cloned().collect();
        all.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.kind.cmp(&b.kind)));
        all
    }
}

impl Counts {
    fn record(&mut self, recorder: &Recorder, main: &'static str) {
        for (name, took) in recorder.times() {
            self.steps.entry(name).or_default().add(*took);
            if *name == main {
                self.interval.times.add(*took);
            }
        }
    }

    fn wrong(
        &mut self,
        step: &'static str,
        kind: String,
        refusal: bool,
        count: u64,
        first: impl FnOnce() -> String,
    ) {
        if count == 0 {
            return;
        }
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
            assert_eq!(cut.times.longest().map(|t| t.as_millis()), Some(ms.into()));
        }
        let cut = tally.cut();
        assert_eq!((cut.offered, cut.completed, cut.times.count()), (0, 0, 0));
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
