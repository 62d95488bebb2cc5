//! Schedules of arrivals, computed from a shape, a rate and a seed. A schedule reads no clock.

mod pace;

use crate::client::people::exponential;
use std::time::Duration;

pub(crate) use pace::pace;

/// Maximum number of arrivals per second, which is more than one machine can start.
pub const RATE_MAX: f64 = 1_000_000.0;

/// Distribution of the arrivals over time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// Arrivals at equal intervals.
    Constant,
    /// Arrivals at a rate that grows linearly to the schedule's rate.
    Ramp {
        /// The rate at the start, per second.
        from: f64,
    },
    /// Arrivals that are independent of each other, like those of many people.
    Poisson,
    /// Bursts of simultaneous arrivals, at equal intervals.
    Burst {
        /// Time from one burst to the next.
        every: Duration,
    },
    /// Arrivals that are most frequent at the start and become rarer, as when everyone signs in at
    /// the same hour.
    Rush,
}

/// A schedule of arrivals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// Distribution of the arrivals over time.
    pub shape: Shape,
    /// Mean number of arrivals per second; for a ramp, the rate at its end.
    pub rate: f64,
    /// Length of the schedule.
    pub time: Duration,
    /// Seed of the random numbers.
    pub seed: u64,
}

impl Schedule {
    /// Returns the times of the arrivals, from the start of the schedule, in ascending order.
    pub fn arrivals(self) -> Box<dyn Iterator<Item = Duration> + Send> {
        let (rate, end) = (self.rate, self.time.as_secs_f64());
        let times: Box<dyn Iterator<Item = f64> + Send> = match self.shape {
            Shape::Constant => Box::new((0_u64..).map(move |n| n as f64 / rate)),
            Shape::Ramp { from } => {
                let nth = move |n: u64| ramp(n as f64, from, rate, end);
                Box::new((0..).map_while(nth))
            }
            Shape::Poisson => {
                let (mut random, mut at) = (fastrand::Rng::with_seed(self.seed), 0.0);
                Box::new(std::iter::repeat_with(move || {
                    at += exponential(&mut random) / rate;
                    at
                }))
            }
            Shape::Burst { every } => {
                let every = every.as_secs_f64();
                let size = (rate * every).round().max(1.0) as u64;
                Box::new((0_u64..).map(move |n| (n / size) as f64 * every))
            }
            Shape::Rush => Box::new(self.rush().into_iter()),
        };
        Box::new(times.take_while(move |at| *at < end).map(Duration::from_secs_f64))
    }

    /// Returns the arrivals of a rush. They are twenty times as frequent at the start as at the
    /// end.
    fn rush(self) -> Vec<f64> {
        const STEEPNESS: f64 = 3.0;
        let end = self.time.as_secs_f64();
        let count = (self.rate * end).round() as usize;
        let mut random = fastrand::Rng::with_seed(self.seed);
        let all = 1.0 - (-STEEPNESS).exp();
        let one = || -(1.0 - random.f64() * all).ln() / STEEPNESS * end;
        let mut times: Vec<f64> = std::iter::repeat_with(one).take(count).collect();
        times.sort_by(f64::total_cmp);
        times
    }
}

/// Returns the time of the arrival that `n` arrivals precede: the solution `t` of `from t + (to -
/// from) t²/2T = n`. Returns `None` if a falling rate ends before that arrival.
fn ramp(n: f64, from: f64, to: f64, end: f64) -> Option<f64> {
    let half = (to - from) / (2.0 * end);
    let root = from * from + 4.0 * half * n;
    // This form of the solution does not divide by zero for a constant rate, nor for a rate that
    // starts at zero.
    let at = 2.0 * n / (from + root.sqrt());
    if n == 0.0 { Some(0.0) } else { Some(at).filter(|at| at.is_finite()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(shape: Shape, rate: f64, seconds: u64) -> Vec<f64> {
        let schedule = Schedule { shape, rate, time: Duration::from_secs(seconds), seed: 7 };
        schedule.arrivals().map(|at| at.as_secs_f64()).collect()
    }

    fn between(times: &[f64], from: f64, to: f64) -> usize {
        times.iter().filter(|at| (from..to).contains(*at)).count()
    }

    #[test]
    fn constant_arrivals_are_equally_far_apart() {
        let times = times(Shape::Constant, 4.0, 2);
        assert_eq!(times, [0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75]);
    }

    #[test]
    fn a_ramp_has_the_mean_of_its_rates_and_each_second_more_than_the_last() {
        for (from, count) in [(0.0, 500), (50.0, 750), (100.0, 1000), (200.0, 1500)] {
            let times = times(Shape::Ramp { from }, 100.0, 10);
            assert!(times.len().abs_diff(count) <= 1, "{from}: {}", times.len());
            assert!(times.is_sorted());
            let (first, last) = (between(&times, 0.0, 1.0), between(&times, 9.0, 10.0));
            assert!(
                first.abs_diff((from + (100.0 - from) * 0.05) as usize) <= 1,
                "{from}: {first}"
            );
            assert!(last.abs_diff((from + (100.0 - from) * 0.95) as usize) <= 1, "{from}: {last}");
        }
    }

    #[test]
    fn poisson_arrivals_have_the_rate_and_vary_as_much_as_their_number() {
        let times = times(Shape::Poisson, 100.0, 100);
        assert!(times.is_sorted());
        // The tolerance is five standard deviations of a count of 10,000.
        assert!(times.len().abs_diff(10_000) < 500, "{}", times.len());
        let counts = (0..100).map(|s| between(&times, f64::from(s), f64::from(s + 1)) as f64);
        let variance = counts.map(|n| (n - 100.0).powi(2)).sum::<f64>() / 100.0;
        assert!((50.0..200.0).contains(&variance), "{variance}");
    }

    #[test]
    fn bursts_come_together_and_make_up_the_rate() {
        let every = Duration::from_millis(500);
        let times = times(Shape::Burst { every }, 20.0, 2);
        assert_eq!(times.len(), 40);
        assert_eq!((between(&times, 0.0, 0.001), between(&times, 0.5, 0.501)), (10, 10));
    }

    #[test]
    fn in_a_rush_everyone_comes_once_and_most_at_the_begin() {
        let times = times(Shape::Rush, 100.0, 10);
        assert_eq!(times.len(), 1000);
        assert!(times.is_sorted() && times.iter().all(|at| *at < 10.0));
        let (first, last) = (between(&times, 0.0, 1.0), between(&times, 9.0, 10.0));
        assert!(first > 200 && last < 40, "{first} {last}");
    }

    #[test]
    fn chance_depends_on_the_seed_alone() {
        let with = |seed| {
            let time = Duration::from_secs(5);
            let schedule = Schedule { shape: Shape::Poisson, rate: 10.0, time, seed };
            schedule.arrivals().collect::<Vec<_>>()
        };
        assert_eq!(with(1), with(1));
        assert_ne!(with(1), with(2));
    }
}
