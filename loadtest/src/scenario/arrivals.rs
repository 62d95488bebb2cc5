//! Options of the scenarios with scheduled arrivals: rate, shape and length.

use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::RunContext;
use crate::LoadError;
use crate::client::people::span;
use crate::run::drive::{Work, closed_loop, for_time, open_loop};
use crate::run::schedule::{RATE_MAX, Schedule, Shape};
use crate::run::tally::Tally;

/// Maximum number of workers. Each worker is a user with connections.
const WORKERS_MAX: usize = 1_000_000;
/// Minimum and maximum of the default number of workers.
const WORKERS: (usize, usize) = (64, 5_000);

/// Spread of the arrivals, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Spread {
    /// At equal intervals.
    Constant,
    /// At a steadily growing rate, from --ramp-from to --rate.
    Ramp,
    /// At random and independently, as many people do.
    Poisson,
    /// In bursts, one every --burst-every.
    Burst,
}

/// Rate, shape and length of the load.
#[derive(Args, Clone, Debug, Serialize)]
#[command(next_help_heading = "Load")]
pub struct LoadArgs {
    /// Mean arrivals per second; for a ramp, those at its end.
    #[arg(long, default_value_t = 50.0, value_parser = rate, allow_negative_numbers = true)]
    pub rate: f64,
    /// Spread of the arrivals over time. The default is a Poisson process: random and independent,
    /// so that some arrivals come close together.
    #[arg(long, value_enum, default_value_t = Spread::Poisson)]
    pub shape: Spread,
    /// Rate at the begin of a ramp.
    #[arg(long, default_value_t = 1.0, value_parser = rate)]
    pub ramp_from: f64,
    /// Time from one burst to the next.
    #[arg(long, default_value = "1s", value_parser = span)]
    #[serde(serialize_with = "crate::scenario::seconds")]
    pub burst_every: Duration,
    /// Length of the measured load.
    #[arg(long, default_value = "10s", value_parser = span)]
    #[serde(serialize_with = "crate::scenario::seconds")]
    pub time: Duration,
    /// Length of the load before the measurement.
    #[arg(long, default_value = "1s", value_parser = span)]
    #[serde(serialize_with = "crate::scenario::seconds")]
    pub warm_up: Duration,
    /// Time in which started arrivals may end after the last one.
    #[arg(long, default_value = "20s", value_parser = span)]
    #[serde(serialize_with = "crate::scenario::seconds")]
    pub drain: Duration,
    /// Number of users, which bounds the arrivals under way. If all are busy, an arrival waits and
    /// counts as late [default: enough for arrivals of a second]
    #[arg(long)]
    pub users: Option<usize>,
    /// Use a closed loop instead: this number of users, each of whom begins again at once, for
    /// --time. It hides the waits of people who arrive while the server is slow.
    #[arg(long, value_name = "USERS", conflicts_with_all = ["rate", "shape", "users"])]
    pub closed: Option<usize>,
}

/// Parses a rate per second.
///
/// # Errors
/// Returns the expected form as a text.
pub(crate) fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse::<f64>().ok();
    let rate = rate.filter(|rate| *rate > 0.0 && *rate <= RATE_MAX);
    rate.ok_or_else(|| format!("it is a number above 0 and up to {RATE_MAX}, per second"))
}

impl LoadArgs {
    /// Creates options for independent arrivals at `rate` for `time`.
    pub(crate) const fn poisson(rate: f64, time: Duration) -> Self {
        Self {
            rate,
            shape: Spread::Poisson,
            ramp_from: rate,
            burst_every: Duration::from_secs(1),
            time,
            warm_up: Duration::from_secs(1),
            drain: Duration::from_secs(10),
            users: None,
            closed: None,
        }
    }

    /// Checks the options.
    ///
    /// # Errors
    /// [`LoadError::Input`] for options that make no sense.
    pub(crate) fn check(&self) -> Result<(), LoadError> {
        let wrong = |what: &str| Err(LoadError::Input(what.to_owned()));
        if self.time < Duration::from_millis(100) {
            return wrong("--time is 100ms or more");
        }
        if self.shape == Spread::Burst && self.burst_every < Duration::from_millis(1) {
            return wrong("--burst-every is 1ms or more");
        }
        let users = self.closed.or(self.users).unwrap_or(1);
        if !(1..=WORKERS_MAX).contains(&users) {
            return Err(LoadError::Input(format!("users are 1 to {WORKERS_MAX}")));
        }
        Ok(())
    }

    /// Returns the number of users. The default is enough if each arrival takes up to a second plus
    /// twice `delay`, the mean delay of a person.
    pub(crate) fn workers(&self, delay: Duration) -> usize {
        let usual = (self.rate * (1.0 + 2.0 * delay.as_secs_f64())).ceil() as usize;
        self.closed.or(self.users).unwrap_or_else(|| usual.clamp(WORKERS.0, WORKERS.1))
    }

    /// Runs the load with these workers: a closed loop with `--closed`, and otherwise the schedule.
    pub(crate) async fn run<W: Work>(&self, workers: Vec<W>, context: &RunContext) {
        if self.closed.is_some() {
            closed_loop(workers, for_time(self.time), &context.tally, &context.stop).await;
            return;
        }
        let schedule = self.schedule(self.time, context.seed);
        open_loop(workers, schedule, self.drain, &context.tally, &context.stop).await;
    }

    /// Runs the load for the warm-up time without recording it, and returns the workers. A closed
    /// loop has no warm-up.
    ///
    /// # Errors
    /// [`LoadError::Server`] if every arrival failed; [`LoadError::Wrong`] if some arrivals did not
    /// end.
    pub(crate) async fn warm_up<W: Work>(
        &self,
        workers: Vec<W>,
        main: &'static str,
        context: &RunContext,
    ) -> Result<Vec<W>, LoadError> {
        if self.warm_up.is_zero() || self.closed.is_some() {
            return Ok(workers);
        }
        let (tally, count) = (Arc::new(Tally::new(main)), workers.len());
        let mut schedule = self.schedule(self.warm_up, context.seed.wrapping_add(1));
        if self.shape == Spread::Ramp {
            (schedule.shape, schedule.rate) = (Shape::Poisson, self.ramp_from);
        }
        let workers = open_loop(workers, schedule, self.drain, &tally, &context.stop).await;
        let totals = tally.totals();
        if totals.failed > 0 && totals.completed == 0 {
            let first = tally.errors().into_iter().next();
            let first = first.map_or_else(String::new, |failures| failures.first);
            return Err(LoadError::Server(format!("nothing worked while warming up: {first}")));
        }
        if workers.len() < count && context.stop.reason().is_none() {
            return Err(LoadError::Wrong("some arrivals did not end while warming up"));
        }
        Ok(workers)
    }

    fn schedule(&self, time: Duration, seed: u64) -> Schedule {
        let shape = match self.shape {
            Spread::Constant => Shape::Constant,
            Spread::Ramp => Shape::Ramp { from: self.ramp_from },
            Spread::Poisson => Shape::Poisson,
            Spread::Burst => Shape::Burst { every: self.burst_every },
        };
        Schedule { shape, rate: self.rate, time, seed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_positive_number() {
        assert_eq!(rate("0.5"), Ok(0.5));
        for text in ["", "0", "-1", "nan", "inf", "1e9", "fast"] {
            assert!(rate(text).is_err(), "{text}");
        }
    }
}
