//! Objectives in the form of the command line: `p99=50ms`, `0.01%`.

use std::str::FromStr;

use crate::out::report::capacity::{Objective, Trial};

/// Samples that have to lie beyond a quantile, so that it says something.
const BEYOND_MIN: f64 = 10.0;
/// The longest time that can be asked for, in microseconds: the longest that is told apart.
const LATENCY_MAX_US: f64 = 60e6;

/// An upper bound for a quantile, such as `p99=50ms`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Latency {
    /// The quantile, above 0 and below 1.
    pub quantile: f64,
    /// The longest time, in microseconds.
    pub us: u64,
}

/// The share of arrivals that may fail to complete, such as `0.01%` or `0.0001`; below 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ErrorShare(pub f64);

/// Why an objective cannot be one.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ObjectiveError {
    /// The text has no `=`, or no `p` before it.
    #[error("an objective is written like p99=50ms")]
    Form,
    /// The quantile does not exist.
    #[error("a percentile is a number above 0 and below 100, such as p99 or p99.9")]
    Quantile,
    /// It is no time.
    #[error("a time is a number from 1 µs to 60 s with its unit, us, ms or s: 50ms")]
    Time,
    /// It is no share.
    #[error("a share is a number from 0 to below 100 with %, or from 0 to below 1: 0.01%")]
    Share,
}

impl FromStr for Latency {
    type Err = ObjectiveError;

    fn from_str(text: &str) -> Result<Self, ObjectiveError> {
        let (name, time) = text.split_once('=').ok_or(ObjectiveError::Form)?;
        let percent = name.trim().strip_prefix('p').ok_or(ObjectiveError::Form)?;
        let percent = number(percent).ok_or(ObjectiveError::Quantile)?;
        if percent <= 0.0 || percent >= 100.0 {
            return Err(ObjectiveError::Quantile);
        }
        let units = [("us", 1.0), ("µs", 1.0), ("ms", 1e3), ("s", 1e6)];
        let us = units.iter().find_map(|(unit, us)| {
            let value = number(time.trim().strip_suffix(unit)?.trim_end())?;
            Some(value * us)
        });
        let us = us.filter(|us| (1.0..=LATENCY_MAX_US).contains(us)).ok_or(ObjectiveError::Time)?;
        // Hundredths of a percent are exact in decimal and not in binary: 99.9 / 100 is rounded.
        Ok(Self { quantile: (percent * 1e6).round() / 1e8, us: us.round() as u64 })
    }
}

impl FromStr for ErrorShare {
    type Err = ObjectiveError;

    fn from_str(text: &str) -> Result<Self, ObjectiveError> {
        let (digits, whole) = match text.trim().strip_suffix('%') {
            Some(percent) => (percent.trim_end(), 100.0),
            None => (text.trim(), 1.0),
        };
        let share = number(digits).map(|value| value / whole).filter(|s| (0.0..1.0).contains(s));
        share.map(Self).ok_or(ObjectiveError::Share)
    }
}

/// Digits with a point at most: no sign, exponent or name of a number.
fn number(text: &str) -> Option<f64> {
    let plain = text.chars().all(|c| c.is_ascii_digit() || c == '.');
    if plain { text.parse().ok() } else { None }
}

impl Objective {
    /// Makes an objective of a latency and a share of errors.
    #[must_use]
    pub const fn new(latency: Latency, errors: ErrorShare) -> Self {
        Self { quantile: latency.quantile, latency_us: latency.us, errors_share: errors.0 }
    }

    /// Tells whether a trial meets the objective. A trial in which nothing completed does not.
    #[must_use]
    pub fn is_met_by(&self, trial: &Trial) -> bool {
        let in_time = trial.latency_us.is_some_and(|us| us <= self.latency_us);
        in_time && trial.errors_share <= self.errors_share
    }

    /// Length of a trial at that rate, in seconds, so that ten samples lie beyond the quantile.
    #[must_use]
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
            assert_eq!(text.parse(), Ok(ErrorShare(share)), "{text}");
        }
    }

    #[test]
    fn what_is_no_objective_is_refused_with_what_it_should_be() {
        let cases = [
            ("50ms", ObjectiveError::Form),
            ("q99=50ms", ObjectiveError::Form),
            ("p=50ms", ObjectiveError::Quantile),
            ("p100=50ms", ObjectiveError::Quantile),
            ("p0=50ms", ObjectiveError::Quantile),
            ("p-1=50ms", ObjectiveError::Quantile),
            ("pNaN=50ms", ObjectiveError::Quantile),
            ("p99=50", ObjectiveError::Time),
            ("p99=ms", ObjectiveError::Time),
            ("p99=0ms", ObjectiveError::Time),
            ("p99=61s", ObjectiveError::Time),
            ("p99=infs", ObjectiveError::Time),
        ];
        for (text, error) in cases {
            assert_eq!(text.parse::<Latency>(), Err(error), "{text}");
        }
        for text in ["", "%", "100%", "1", "-0.1", "1e-3", "NaN"] {
            assert_eq!(text.parse::<ErrorShare>(), Err(ObjectiveError::Share), "{text}");
        }
    }

    #[test]
    fn a_trial_is_long_enough_if_ten_samples_lie_beyond() {
        let objective = Objective::new(Latency { quantile: 0.99, us: 1 }, ErrorShare(0.0));
        assert!((objective.seconds_for(100.0) - 10.0).abs() < 1e-9);
    }
}
