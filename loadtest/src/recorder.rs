//! How long things took, by name.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// Longest time that is told apart from longer ones, in microseconds.
const LONGEST_US: u64 = 60_000_000;
const SIGNIFICANT_DIGITS: u8 = 3;

/// Times by the name of what they are of.
#[derive(Default)]
pub struct Recorder {
    times: BTreeMap<&'static str, Histogram<u64>>,
}

/// The distribution of the times of one name, in microseconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Times {
    /// Of what.
    pub name: &'static str,
    /// How many.
    pub count: u64,
    /// Half took no longer.
    pub p50_us: u64,
    /// Nine in ten took no longer.
    pub p90_us: u64,
    /// 99 in 100 took no longer.
    pub p99_us: u64,
    /// The longest.
    pub max_us: u64,
    /// The mean.
    pub mean_us: f64,
}

impl Recorder {
    /// Writes a time down. What took longer than a minute counts as a minute.
    pub fn record(&mut self, name: &'static str, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.times.entry(name).or_insert_with(empty).saturating_record(us);
    }

    /// Adds what another has written down.
    pub fn merge(&mut self, other: &Self) {
        for (name, times) in &other.times {
            let sum = self.times.entry(name).or_insert_with(empty);
            sum.add(times).expect("all have the same bounds");
        }
    }

    /// How many times of that name there are.
    #[must_use]
    pub fn count(&self, name: &str) -> u64 {
        self.times.get(name).map_or(0, Histogram::len)
    }

    /// The distribution of each of `names` that has times, in that order.
    #[must_use]
    pub fn of(&self, names: &[&'static str]) -> Vec<Times> {
        let some = names.iter().filter_map(|name| Some((*name, self.times.get(name)?)));
        some.map(|(name, times)| Times {
            name,
            count: times.len(),
            p50_us: times.value_at_quantile(0.5),
            p90_us: times.value_at_quantile(0.9),
            p99_us: times.value_at_quantile(0.99),
            max_us: times.max(),
            mean_us: (times.mean() * 10.0).round() / 10.0,
        })
        .collect()
    }
}

fn empty() -> Histogram<u64> {
    let bounded = Histogram::new_with_bounds(1, LONGEST_US, SIGNIFICANT_DIGITS);
    bounded.expect("the bounds and the digits are ones that it takes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_recorders_wrote_down_is_merged_by_name() {
        let (mut one, mut other) = (Recorder::default(), Recorder::default());
        (1..=50).for_each(|us| one.record("a", Duration::from_micros(us)));
        (51..=100).for_each(|us| other.record("a", Duration::from_micros(us)));
        other.record("b", Duration::from_secs(3600));
        one.merge(&other);
        let times = one.of(&["b", "missing", "a"]);
        assert_eq!(times.iter().map(|t| t.name).collect::<Vec<_>>(), ["b", "a"]);
        assert_eq!((times[1].count, times[1].p50_us, times[1].p99_us), (100, 50, 99));
        assert!(times[0].max_us.abs_diff(LONGEST_US) < LONGEST_US / 500);
    }
}
