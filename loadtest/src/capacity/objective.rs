//! Objectives in the form of the command line: `p99=50ms`, `0.01%`.

use std::str::FromStr;

use crate::out::report::capacity::{Objective, Trial};

/// Number of samples that have to lie beyond a quantile, so that the quantile is reliable.
const BEYOND_MIN: f64 = 10.0;
/// Longest latency that an objective may ask for, in microseconds.
const LATENCY_MAX_US: f64 = 60e6;

/// An upper limit for the latency at a quantile, such as `p99=50ms`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Latency {
    /// The quantile, above 0 and below 1.
    pub quantile: f64,
    /// The longest latency at this quantile, in microseconds.
    pub us: u64,
}

const FORM: &str = "an objective is written like p99=50ms";
const QUANTILE: &str = "a percentile is a number above 0 and below 100, such as p99 or p99.9";
const TIME: &str = "a time is a number from 1 µs to 60 s with its unit, us, ms or s: 50ms";
const SHARE: &str = "a share is a number from 0 to below 100 with %, or from 0 to below 1: 0.01%";

impl FromStr for Latency {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, time) = text.split_once('=').ok_or(FORM)?;
        let percent = name.trim().strip_prefix('p').ok_or(FORM)?;
        let percent = number(percent).filter(|p| *p > 0.0 && *p < 100.0).ok_or(QUANTILE)?;
        let units = [("us", 1.0), ("µs", 1.0), ("ms", 1e3), ("s", 1e6)];
        let us = units.iter().find_map(|(unit, us)| {
            let value = number(time.trim().strip_suffix(unit)?.trim_end())?;
            Some(value * us)
        });
        let us = us.filter(|us| (1.0..=LATENCY_MAX_US).contains(us)).ok_or(TIME)?;
        // Percentages with two decimals are exact in decimal and not in binary: 99.9 / 100 is
        // rounded.
        Ok(Self { quantile: (percent * 1e6).round() / 1e8, us: us.round() as u64 })
    }
}

/// Parses a share below 1, such as `0.01%` or `0.0001`.
///
/// # Errors
/// Returns the expected form as a text.
pub(crate) fn share(text: &str) -> Result<f64, &'static str> {
    let (digits, whole) = match text.trim().strip_suffix('%') {
        Some(percent) => (percent.trim_end(), 100.0),
        None => (text.trim(), 1.0),
    };
    let share = number(digits).map(|value| value / whole);
    share.filter(|share| (0.0..1.0).contains(share)).ok_or(SHARE)
}

/// Parses digits with at most one point. A sign, an exponent, `inf` and `nan` are rejected.
fn number(text: &str) -> Option<f64> {
    let plain = text.chars().all(|c| c.is_ascii_digit() || c == '.');
    if plain { text.parse().ok() } else { None }
}

impl Objective {
    /// Checks that a trial meets the objective. A trial in which nothing completed does not meet
    /// it.
    pub fn is_met_by(&self, trial: &Trial) -> bool {
        let in_time = trial.latency_us.is_some_and(|us| us <= self.latency_us);
        in_time && trial.errors_share <= self.errors_share
    }

    /// Returns the length in seconds that a trial at `rate` needs, so that ten samples lie beyond
    /// the quantile.
    pub fn seconds_for(&self, rate: f64) -> f64 {
        BEYOND_MIN / (1.0 - self.quantile) / rate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objectives_are_read_as_they_are_written() {
        let cases = [
            ("p99=50ms", 0.99, 50_000),
            ("p99.9=1.5s", 0.999, 1_500_000),
            ("p50 = 800us", 0.5, 800),
            ("p99.99=60s", 0.9999, 60_000_000),
        ];
        for (text, quantile, us) in cases {
            assert_eq!(text.parse(), Ok(Latency { quantile, us }), "{text}");
        }
        for (text, share) in [("0.01%", 0.000_1), ("0.5", 0.5), ("0", 0.0), ("2 %", 0.02)] {
            assert_eq!(super::share(text), Ok(share), "{text}");
        }
    }

    #[test]
    fn what_is_no_objective_is_refused_with_what_it_should_be() {
        let cases = [
            ("50ms", FORM),
            ("q99=50ms", FORM),
            ("p=50ms", QUANTILE),
            ("p100=50ms", QUANTILE),
            ("p0=50ms", QUANTILE),
            ("p-1=50ms", QUANTILE),
            ("pNaN=50ms", QUANTILE),
            ("p99=50", TIME),
            ("p99=ms", TIME),
            ("p99=0ms", TIME),
            ("p99=61s", TIME),
            ("p99=infs", TIME),
        ];
        for (text, error) in cases {
            assert_eq!(text.parse::<Latency>(), Err(error), "{text}");
        }
        for text in ["", "%", "100%", "1", "-0.1", "1e-3", "NaN"] {
            assert_eq!(share(text), Err(SHARE), "{text}");
        }
    }

    #[test]
    fn a_trial_is_long_enough_if_ten_samples_lie_beyond() {
        let objective = Objective { quantile: 0.99, latency_us: 1, errors_share: 0.0 };
        assert!((objective.seconds_for(100.0) - 10.0).abs() < 1e-9);
    }
}
