//! A histogram of times.

use std::time::Duration;

use hdrhistogram::Histogram;

/// Longest time that the histogram distinguishes, in microseconds: ten minutes.
const LONGEST_US: u64 = 600_000_000;
const SIGNIFICANT_DIGITS: u8 = 3;

/// A histogram of times, in microseconds.
#[derive(Clone, Debug)]
pub struct Times(pub(crate) Histogram<u64>);

impl Default for Times {
    fn default() -> Self {
        let bounded = Histogram::new_with_bounds(1, LONGEST_US, SIGNIFICANT_DIGITS);
        Self(bounded.expect("the bounds and the digits are ones that it takes"))
    }
}

impl Times {
    /// Adds one time.
    pub fn add(&mut self, time: Duration) {
        self.0.saturating_record(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    /// Adds all times of another histogram.
    pub fn merge(&mut self, other: &Self) {
        self.0.add(&other.0).expect("both have the same bounds");
    }

    /// Returns the time that this share of the times does not exceed; `None` if there are no times.
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let any = !self.0.is_empty();
        any.then(|| Duration::from_micros(self.0.value_at_quantile(share)))
    }

    /// Returns [`Self::quantile`] in milliseconds; 0 if there are no times.
    pub fn ms(&self, share: f64) -> f64 {
        self.quantile(share).unwrap_or_default().as_secs_f64() * 1e3
    }

    /// Returns the longest time; `None` if there are no times.
    pub fn longest(&self) -> Option<Duration> {
        self.quantile(1.0)
    }

    /// Returns the number of times.
    pub fn count(&self) -> u64 {
        self.0.len()
    }
}
