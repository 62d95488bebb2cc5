//! Everyone at 09:00: each user signs in once within a short time, and most of them at its start.

use std::time::Duration;

use clap::Args;
use serde::Serialize;
use serde_json::json;

use super::lifecycle::{Cycle, PeopleArgs};
use super::{Figures, RunContext, Scenario};
use crate::LoadError;
use crate::client::people::span;
use crate::out::report::model::STORM;
use crate::out::report::step;
use crate::run::drive::open_loop;
use crate::run::schedule::{Schedule, Shape};

/// Everyone within a short time.
#[derive(Args, Clone, Debug, Serialize)]
pub struct StormArgs {
    /// Number of users, each of whom signs in once.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=200_000))]
    pub everyone: u32,
    /// Time within which they arrive, at the begin twenty times as often as at the end.
    #[arg(long, default_value = "10s", value_parser = span)]
    #[serde(serialize_with = "crate::scenario::seconds")]
    pub within: Duration,
    /// Time in which started arrivals may end after the last one.
    #[arg(long, default_value = "30s", value_parser = span)]
    #[serde(serialize_with = "crate::scenario::seconds")]
    pub drain: Duration,
    /// Behaviour of the people.
    #[command(flatten)]
    #[serde(flatten)]
    pub people: PeopleArgs,
}

impl Scenario for StormArgs {
    const NAME: &'static str = STORM;
    const MAIN: &'static str = step::WHOLE;
    type Ready = Vec<Cycle>;

    fn check(&self) -> Result<(), LoadError> {
        if self.within < Duration::from_millis(100) {
            return Err(LoadError::Input("--within is 100ms or more".to_owned()));
        }
        Ok(())
    }

    fn requests(&self) -> usize {
        2 * self.everyone as usize
    }

    fn length(&self) -> Option<Duration> {
        Some(self.within)
    }

    async fn prepare(&self, context: &RunContext) -> Result<Vec<Cycle>, LoadError> {
        self.people.cycles(self.everyone as usize, context).await
    }

    async fn measure(
        &self,
        cycles: Vec<Cycle>,
        context: &RunContext,
    ) -> Result<Figures, LoadError> {
        let begin = tokio::time::Instant::now();
        let rate = f64::from(self.everyone) / self.within.as_secs_f64();
        let schedule = Schedule { shape: Shape::Rush, rate, time: self.within, seed: context.seed };
        open_loop(cycles, schedule, self.drain, &context.tally, &context.stop).await;
        let over = begin.elapsed().saturating_sub(self.within);
        Ok(super::figures(json!({
            "users": self.everyone,
            "seconds until the last was done, after the last had come": over.as_secs_f64(),
        })))
    }
}
