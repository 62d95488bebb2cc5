//! The search for the highest rate that meets the objective.
//!
//! Rates double (or halve) until one meets the objective and a higher one does not; then the middle
//! between them is tried, by ratio, until they are close enough. One trial may err: a machine
//! hiccups. So both ends of the last range are tried again, and if two trials of a rate disagree a
//! third decides; so is a rate that failed although a higher one did not. A rate counts only if no
//! lower one is known to fail.

use crate::out::report::capacity::{Conclusion, Trial};

/// Trials that have to agree before a rate bounds the search.
const AGREE: usize = 2;
/// Factor between two rates until a trial misses the objective.
const FACTOR: f64 = 2.0;

/// The range and the limits of a search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SearchSettings {
    /// The first rate, per second.
    pub rate_start: f64,
    /// The lowest that is tried.
    pub rate_min: f64,
    /// The highest that is tried.
    pub rate_max: f64,
    /// Largest distance of the two ends, as a part of the lower one: 0.05 is 5 %.
    pub precision: f64,
    /// Most trials that a search makes.
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
    /// It is over.
    Done {
        /// The highest rate that meets the objective; 0 if none does.
        highest_rate: f64,
        /// The reason for the end.
        conclusion: Conclusion,
    },
}

/// A search under way.
#[derive(Clone, Debug)]
pub struct Search {
    settings: SearchSettings,
    trials: Vec<Trial>,
}

/// The results for one rate.
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
    /// A search that has tried nothing yet. Rates are rounded to three digits; limits that exclude
    /// each other leave the lowest rate alone.
    pub fn new(settings: SearchSettings) -> Self {
        let rate_min = settings.rate_min.max(f64::MIN_POSITIVE);
        let rate_max = settings.rate_max.max(rate_min);
        let rate_start = settings.rate_start.clamp(rate_min, rate_max);
        let settings = SearchSettings { rate_start, rate_min, rate_max, ..settings };
        Self { settings, trials: Vec::new() }
    }

    /// Records a trial. Its rate counts as the rate that was asked for.
    pub fn record(&mut self, trial: Trial) {
        self.trials.push(trial);
    }

    /// Every trial, in the order in which they were made.
    pub fn trials(&self) -> &[Trial] {
        &self.trials
    }

    /// The highest rate that meets the objective as far as is known, below which none is known to
    /// fail; 0 if there is none.
    pub fn highest_so_far(&self) -> f64 {
        ends(&self.known()).0.map_or(0.0, |met| met.rate)
    }

    /// Gives the next rate to try, or the result of the search.
    pub fn next(&self) -> Next {
        let wanted = self.wanted();
        if matches!(wanted, Next::Try(_)) && self.trials.len() >= self.settings.trials_max {
            let highest_rate = self.highest_so_far();
            return Next::Done { highest_rate, conclusion: Conclusion::GaveUp };
        }
        wanted
    }

    /// Next step of a search without a limit of trials.
    fn wanted(&self) -> Next {
        let known = self.known();
        let (met, missed) = ends(&known);
        let done = |conclusion| Next::Done { highest_rate: self.highest_so_far(), conclusion };
        if let Some(open) = known.iter().find(|rate| rate.met == rate.missed) {
            return Next::Try(open.rate);
        }
        // A rate that missed below one that met: one of the two trials was a hiccup.
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

    /// The results by rate, from the lowest.
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

/// The lowest rate that misses the objective, and the highest below it that meets it.
fn ends(known: &[Known]) -> (Option<Known>, Option<Known>) {
    let missed = known.iter().find(|rate| rate.is_missed()).copied();
    let below = |rate: &&Known| missed.is_none_or(|missed| rate.rate < missed.rate);
    let met = known.iter().rev().filter(below).find(|rate| rate.is_met());
    (met.copied(), missed)
}

/// A rate with three digits that matter, so that people can read and repeat it.
fn rounded(rate: f64) -> f64 {
    format!("{rate:.2e}").parse().unwrap_or(rate)
}
