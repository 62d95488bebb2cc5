//! Noise: the difference between two runs of the same program, estimated from the two runs.
//!
//! There are two estimates of it, and the larger one counts. *Sampling*: with a known confidence a
//! quantile of `n` samples lies between two of the sorted samples. The ranks of these two follow
//! from the binomial distribution, for any distribution of the latencies. *Time*: a disturbance
//! that lasts some seconds, such as another load on the machine, makes neighbouring samples
//! similar. So each second of one run is subtracted from the same second of the other run, because
//! that removes the changes that the schedule makes on purpose. The variation of these differences
//! gives the error of their mean. Similar neighbours increase this error, because they count as
//! fewer independent values.

use hdrhistogram::Histogram;
use statrs::distribution::{ContinuousCDF as _, StudentsT};

/// Number of standard deviations for 99 % confidence: 0.5 % of a normal distribution lie beyond it
/// on either side.
pub(super) const Z: f64 = 2.576;
/// The quantile of the normal distribution that lies at [`Z`].
const UPPER: f64 = 0.995;
/// Degrees of freedom from which Student's distribution equals the normal one to five digits. The
/// library does not return for a much larger number.
const NORMAL_FREEDOM: f64 = 1e5;
/// Minimum number of intervals from which their variation is estimated.
const INTERVALS_MIN: usize = 5;
/// Upper limit of the correlation between neighbouring intervals. At this limit 19 intervals count
/// as one.
const LIKENESS_MAX: f64 = 0.9;

/// A value with its confidence interval (99 %).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The measured value.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval; infinite if it is unknown.
    pub high: f64,
}

impl Estimate {
    /// Creates an estimate from `value - noise` to `value + noise`.
    pub fn around(value: f64, noise: f64) -> Self {
        Self { value, low: value - noise, high: value + noise }
    }

    /// Estimates a quantile of a histogram; `None` if it is empty.
    pub fn of_quantile(times: &Histogram<u64>, quantile: f64) -> Option<Self> {
        let n = times.len() as f64;
        if times.is_empty() {
            return None;
        }
        let spread = Z * (n * quantile * (1.0 - quantile)).sqrt();
        let (first, last) = ((n * quantile - spread).floor(), (n * quantile + spread).ceil() + 1.0);
        // The middle between two ranks, so that a rounding error does not select the next rank.
        let at_rank = |rank: f64| times.value_at_quantile((rank - 0.5) / n);
        let low = if first < 1.0 { 0 } else { times.lowest_equivalent(at_rank(first)) };
        let high = if last > n { f64::INFINITY } else { at_rank(last) as f64 };
        Some(Self { value: times.value_at_quantile(quantile) as f64, low: low as f64, high })
    }

    /// Estimates `some` of `all` as a share, with Wilson's interval; `None` if `all` is 0.
    pub fn of_share(some: u64, all: u64) -> Option<Self> {
        if all == 0 {
            return None;
        }
        let (n, share) = (all as f64, some as f64 / all as f64);
        let weight = 1.0 + Z * Z / n;
        let middle = (share + Z * Z / (2.0 * n)) / weight;
        let half = Z / weight * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
        let (low, high) =
            ((middle - half).max(0.0).min(share), (middle + half).min(1.0).max(share));
        Some(Self { value: share, low, high })
    }
}

/// Returns the noise of the mean difference of two series, with 99 % confidence; `None` if they
/// have too few common points.
pub fn of_pairs(a: &[f64], b: &[f64]) -> Option<f64> {
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| b - a).collect();
    if differences.len() < INTERVALS_MIN {
        return None;
    }
    let n = differences.len() as f64;
    let mean = differences.iter().sum::<f64>() / n;
    let off: Vec<f64> = differences.iter().map(|value| value - mean).collect();
    let squares: f64 = off.iter().map(|o| o * o).sum();
    let neighbours: f64 = off.windows(2).map(|two| two[0] * two[1]).sum();
    let likeness =
        if squares > 0.0 { (neighbours / squares).clamp(0.0, LIKENESS_MAX) } else { 0.0 };
    let error = (squares / (n - 1.0) / n * (1.0 + likeness) / (1.0 - likeness)).sqrt();
    Some(students(n - 1.0) * error)
}

/// Returns the positive number that has the same role as [`Z`] in Student's distribution with
/// `freedom` degrees of freedom.
pub(super) fn students(freedom: f64) -> f64 {
    if freedom >= NORMAL_FREEDOM {
        return Z;
    }
    StudentsT::new(0.0, 1.0, freedom).map_or(f64::INFINITY, |t| t.inverse_cdf(UPPER))
}

/// Returns the largest difference between two estimates that noise explains.
pub fn between(a: Estimate, b: Estimate) -> f64 {
    let (above, below) = if b.value >= a.value {
        (a.high - a.value, b.value - b.low)
    } else {
        (b.high - b.value, a.value - a.low)
    };
    above.hypot(below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quantiles_interval_has_the_ranks_of_the_binomial_distribution() {
        let mut times = Histogram::new_with_bounds(1, 60_000_000, 5).unwrap();
        (1..=10_000).for_each(|us| times.record(us).unwrap());
        // The ranks are 9,900 ± 25.6, because 2.576 × √(10,000 × 0.99 × 0.01) = 25.6.
        let p99 = Estimate::of_quantile(&times, 0.99).unwrap();
        assert_eq!((p99.low, p99.value, p99.high), (9_874.0, 9_900.0, 9_927.0));
        let p50 = Estimate::of_quantile(&times, 0.5).unwrap();
        assert_eq!((p50.low, p50.value, p50.high), (4_871.0, 5_000.0, 5_130.0));
    }

    #[test]
    fn too_few_samples_leave_the_upper_end_open() {
        let mut times = Histogram::new_with_bounds(1, 60_000_000, 3).unwrap();
        assert_eq!(Estimate::of_quantile(&times, 0.99), None);
        (1..=100).for_each(|us| times.record(us).unwrap());
        assert_eq!(Estimate::of_quantile(&times, 0.99).unwrap().high, f64::INFINITY);
    }

    #[test]
    fn a_share_of_nothing_still_may_be_something() {
        let none = Estimate::of_share(0, 1_000).unwrap();
        assert_eq!((none.value, none.low), (0.0, 0.0));
        assert!((0.004..0.008).contains(&none.high), "{none:?}");
        let all = Estimate::of_share(1_000, 1_000).unwrap();
        assert_eq!((all.value, all.high), (1.0, 1.0));
        assert_eq!(Estimate::of_share(0, 0), None);
    }

    #[test]
    fn seconds_that_are_alike_count_as_fewer() {
        let still = [10.0; 40];
        let swinging: Vec<f64> = (0..40).map(|n| if n % 2 == 0 { 9.0 } else { 11.0 }).collect();
        let drifting: Vec<f64> = (0..40).map(|n| if n < 20 { 9.0 } else { 11.0 }).collect();
        let noise = |other: &[f64]| of_pairs(&still, other).unwrap();
        assert!(noise(&swinging) < 0.5 && noise(&drifting) > 3.0 * noise(&swinging));
        assert_eq!(of_pairs(&still[..4], &drifting), None);
    }

    #[test]
    fn what_changes_alike_in_both_runs_is_no_noise() {
        let ramp: Vec<f64> = (0..40).map(f64::from).collect();
        let faster: Vec<f64> = ramp.iter().map(|value| value + 2.0).collect();
        assert_eq!(of_pairs(&ramp, &faster), Some(0.0));
    }

    #[test]
    fn students_factor_is_the_tables() {
        for (freedom, table) in
            [(1.0, 63.657), (2.0, 9.925), (9.0, 3.250), (29.0, 2.756), (9e4, 2.576), (1e9, 2.576)]
        {
            assert!((students(freedom) - table).abs() < 0.001, "{freedom}");
        }
    }
}
