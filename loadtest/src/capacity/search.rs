//! Search for the highest rate that meets the objective.
//!
//! The search doubles (or halves) the rate until one rate meets the objective and a higher one
//! misses it. Then it tries the geometric mean of the two rates, again and again, until they are
//! close enough. A single trial may be wrong, because a machine has hiccups. So the search repeats
//! the trials at both ends of the last range, and if two trials of a rate disagree, it makes a
//! third. It also repeats the trial of a rate that missed although a higher rate met the objective.
//! A rate counts as found only if no lower rate is known to miss.

use crate::out::report::capacity::{Conclusion, Trial};

/// Number of trials with the same result after which a rate is certain.
const AGREE: usize = 2;
/// Factor between two rates while the search doubles or halves.
const FACTOR: f64 = 2.0;

/// The range and the limits of a search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SearchSettings {
    /// The first rate, per second.
    pub rate_start: f64,
    /// The lowest rate of a trial, per second.
    pub rate_min: f64,
    /// The highest rate of a trial, per second.
    pub rate_max: f64,
    /// Largest difference between the two ends of the last range, as a share of the lower end: 0.05
    /// is 5 %.
    pub precision: f64,
    /// Maximum number of trials in a search.
    pub trials_max: usize,
}

impl Default for SearchSettings {
    fn default() -> Self {
        let (rate_min, rate_max) = (1.0, 100_000.0);
        Self { rate_start: 100.0, rate_min, rate_max, precision: 0.05, trials_max: 30 }
    }
}

/// The next step of a search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Next {
    /// Try this rate, then report the trial with [`Search::record`].
    Try(f64),
    /// The search is over.
    Done {
        /// The highest rate that meets the objective, per second; 0 if none does.
        highest_rate: f64,
        /// The reason for the end of the search.
        conclusion: Conclusion,
    },
}

/// A search for the highest rate, with its trials so far.
#[derive(Clone, Debug)]
pub struct Search {
    settings: SearchSettings,
    trials: Vec<Trial>,
}

/// The results of all trials at one rate.
#[derive(Clone, Copy, Debug)]
struct Known {
    rate: f64,
    met: usize,
    missed: usize,
}

impl Known {
    const fn is_met(&self) -> bool {
        self.met > self.missed
    }

    const fn is_missed(&self) -> bool {
        self.missed > self.met
    }

    const fn is_sure(&self) -> bool {
        self.met >= AGREE || self.missed >= AGREE
    }
}

impl Search {
    /// Creates a search without trials. The search rounds its rates to three digits. If `rate_min`
    /// exceeds `rate_max`, it tries `rate_min` only.
    pub fn new(settings: SearchSettings) -> Self {
        let rate_min = settings.rate_min.max(f64::MIN_POSITIVE);
        let rate_max = settings.rate_max.max(rate_min);
        let rate_start = settings.rate_start.clamp(rate_min, rate_max);
        let settings = SearchSettings { rate_start, rate_min, rate_max, ..settings };
        Self { settings, trials: Vec::new() }
    }

    /// Records a trial under the rate that [`Search::next`] asked for.
    pub fn record(&mut self, trial: Trial) {
        self.trials.push(trial);
    }

    /// Returns every trial, in the order of recording.
    pub fn trials(&self) -> &[Trial] {
        &self.trials
    }

    /// Returns the highest rate so far that meets the objective, below every rate that is known to
    /// miss it; 0 if there is none.
    pub fn highest_so_far(&self) -> f64 {
        ends(&self.known()).0.map_or(0.0, |met| met.rate)
    }

    /// Returns the next rate to try, or the result of the search.
    pub fn next(&self) -> Next {
        let wanted = self.wanted();
        if matches!(wanted, Next::Try(_)) && self.trials.len() >= self.settings.trials_max {
            let highest_rate = self.highest_so_far();
            return Next::Done { highest_rate, conclusion: Conclusion::GaveUp };
        }
        wanted
    }

    /// Returns the next step of the search, without regard to the limit of trials.
    fn wanted(&self) -> Next {
        let known = self.known();
        let (met, missed) = ends(&known);
        let done = |conclusion| Next::Done { highest_rate: self.highest_so_far(), conclusion };
        if let Some(open) = known.iter().find(|rate| rate.met == rate.missed) {
            return Next::Try(open.rate);
        }
        // This rate missed although a higher rate met the objective, so one of the two trials was a
        // hiccup.
        if let Some(missed) = missed.filter(|missed| {
            !missed.is_sure() && known.iter().any(|k| k.rate > missed.rate && k.is_met())
        }) {
            return Next::Try(missed.rate);
        }
        let SearchSettings { rate_start, rate_min, rate_max, .. } = self.settings;
        match (met, missed) {
            (None, None) => Next::Try(rate_start),
            (Some(met), None) if met.rate < rate_max => {
                Next::Try(rounded(met.rate * FACTOR).min(rate_max))
            }
            (Some(met), None) if !met.is_sure() => Next::Try(met.rate),
            (Some(_), None) => done(Conclusion::Ceiling),
            (None, Some(missed)) if missed.rate > rate_min => {
                Next::Try(rounded(missed.rate / FACTOR).max(rate_min))
            }
            (None, Some(missed)) if !missed.is_sure() => Next::Try(missed.rate),
            (None, Some(_)) => done(Conclusion::Nothing),
            (Some(met), Some(missed)) => {
                let middle = rounded((met.rate * missed.rate).sqrt());
                let is_between = met.rate < middle && middle < missed.rate;
                if is_between && missed.rate > met.rate * (1.0 + self.settings.precision) {
                    Next::Try(middle)
                } else if !met.is_sure() {
                    Next::Try(met.rate)
                } else if !missed.is_sure() {
                    Next::Try(missed.rate)
                } else {
                    done(Conclusion::Found)
                }
            }
        }
    }

    /// Returns the results by rate, in ascending order.
    fn known(&self) -> Vec<Known> {
        let mut known: Vec<Known> = Vec::new();
        for trial in &self.trials {
            let at = known.iter().position(|rate| rate.rate == trial.rate);
            let at = at.unwrap_or_else(|| {
                known.push(Known { rate: trial.rate, met: 0, missed: 0 });
                known.len() - 1
            });
            if trial.met { known[at].met += 1 } else { known[at].missed += 1 }
        }
        known.sort_by(|one, other| one.rate.total_cmp(&other.rate));
        known
    }
}

/// Returns the highest rate that meets the objective below the lowest rate that misses it, and that
/// lowest rate.
fn ends(known: &[Known]) -> (Option<Known>, Option<Known>) {
    let missed = known.iter().find(|rate| rate.is_missed()).copied();
    let below = |rate: &&Known| missed.is_none_or(|missed| rate.rate < missed.rate);
    let met = known.iter().rev().filter(below).find(|rate| rate.is_met());
    (met.copied(), missed)
}

/// Rounds a rate to three significant digits, so that people can read and repeat it.
fn rounded(rate: f64) -> f64 {
    format!("{rate:.2e}").parse().unwrap_or(rate)
}
