//! Many parked browsers, and the time until each gets the outcome of its own challenge.

use std::time::Duration;

use clap::{Args, ValueEnum};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;
use serde_json::json;
use tokio::time::Instant;

use super::{Figures, RunContext, Scenario};
use crate::LoadError;
use crate::client::people::{Open, Poll, Seen, User, span};
use crate::client::recorder::Recorder;
use crate::out::report::step;
use crate::run::times::Times;
use crate::server::metrics::Metrics;

/// Longest time to wait until the server reports all polls as parked. It is below the 30 s for
/// which the server holds a poll.
const PARKING: Duration = Duration::from_secs(25);
/// Number of challenges that are started and read at the same time.
const AT_ONCE: usize = 32;
/// Number of browsers from which the report has the server's memory per browser. With fewer
/// browsers, memory that the server needs anyway makes up most of the difference.
const MEMORY_FROM: usize = 1000;
/// Time for which a browser polls, which is longer than the lifetime of a challenge.
const PATIENCE: Duration = Duration::from_secs(600);

/// Order in which browsers are woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Wake {
    /// One by one, each after the answer of the one before.
    OneByOne,
    /// Several at a time, by --at-once.
    All,
}

/// Parked browsers.
#[derive(Args, Clone, Debug, Serialize)]
pub struct WaitersArgs {
    /// Number of parked browsers, over HTTP/1.1 each on its own connection. From 1000 on, the
    /// report has the server's memory for each.
    #[arg(long, default_value_t = 5000)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub count: u32,
    /// Smaller number of parked browsers, for comparison.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub few: u32,
    /// Number of decisions, spread over all browsers; all of them with `--wake all`. A firm p99
    /// needs 1000, which take some seconds one by one.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub decided: u32,
    /// Order in which browsers are woken.
    #[arg(long, value_enum, default_value_t = Wake::OneByOne)]
    pub wake: Wake,
    /// Concurrent decisions, with `--wake all`.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub at_once: u32,
    /// Time for which the browsers stay parked before the first decision.
    #[arg(long, default_value = "0s", value_parser = span)]
    #[serde(serialize_with = "crate::scenario::seconds")]
    pub hold: Duration,
}

/// A browser with a pending challenge that the phone has read. The browser is not parked yet.
struct Waiter {
    user: User,
    open: Open,
    seen: Seen,
}

impl WaitersArgs {
    /// Returns the number of decisions.
    fn decisions(&self) -> u32 {
        match self.wake {
            Wake::All => self.count,
            Wake::OneByOne => self.decided.min(self.count),
        }
    }

    /// Measures with a few parked browsers at a time, for comparison. Their challenges are approved
    /// one by one.
    async fn few(&self, users: &[User], context: &RunContext) -> Result<Recorder, LoadError> {
        let mut times = Recorder::default();
        let few = &users[..users.len().min(self.few as usize)];
        for _ in 0..self.decisions().min(300).div_ceil(self.few) {
            let waiters = challenges(few.to_vec()).await?;
            let parked: Vec<_> = waiters.into_iter().map(park).collect();
            Metrics::parked(context.metrics.as_ref(), parked.len(), PARKING).await?;
            for (waiter, poll) in parked {
                wake(waiter, poll, Instant::now(), &mut times).await?;
            }
        }
        Ok(times)
    }

    /// Checks if the challenge of the browser with this number is to be approved. The approved ones
    /// are spread evenly over all browsers.
    fn is_chosen(&self, index: usize) -> bool {
        let (count, decided) = (u64::from(self.count), u64::from(self.decisions()));
        let before = |index: u64| index * decided / count;
        before(index as u64) != before(index as u64 + 1)
    }

    async fn wake(&self, parked: Vec<(Waiter, Poll)>, context: &RunContext) {
        let at_once = match self.wake {
            Wake::OneByOne => 1,
            Wake::All => self.at_once as usize,
        };
        // Browsers that are not chosen stay parked until the end of the measurement.
        let (chosen, rest): (Vec<_>, Vec<_>) =
            parked.into_iter().enumerate().partition(|(index, _)| self.is_chosen(*index));
        let tally = &context.tally;
        stream::iter(chosen)
            .for_each_concurrent(at_once, async |(_, (waiter, poll))| {
                let mut recorder = Recorder::default();
                tally.offered();
                tally.begun(Duration::ZERO);
                let result = wake(waiter, poll, Instant::now(), &mut recorder).await;
                tally.ended(&recorder, result.as_ref().copied());
            })
            .await;
        drop(rest);
    }
}

impl Scenario for WaitersArgs {
    const NAME: &'static str = "waiters";
    const MAIN: &'static str = step::OUTCOME;
    type Ready = Vec<User>;

    fn check(&self) -> Result<(), LoadError> {
        // A challenge lives for five minutes by default, and `--hold` must end before that.
        if self.hold > Duration::from_secs(240) {
            return Err(LoadError::Input(
                "--hold is 4m or less: a challenge lives for 5".to_owned(),
            ));
        }
        Ok(())
    }

    fn requests(&self) -> usize {
        self.count as usize + AT_ONCE.max(self.at_once as usize)
    }

    async fn prepare(&self, context: &RunContext) -> Result<Vec<User>, LoadError> {
        context.enroll(self.count as usize).await
    }

    async fn measure(&self, users: Vec<User>, context: &RunContext) -> Result<Figures, LoadError> {
        let few = self.few(&users, context).await?;
        let before = context.rss_bytes();
        let waiters = challenges(users).await?;
        let pending = context.rss_bytes();
        let count = waiters.len();
        let parked: Vec<_> = waiters.into_iter().map(park).collect();
        Metrics::parked(context.metrics.as_ref(), count, PARKING).await?;
        let held = context.rss_bytes();
        tokio::time::sleep(self.hold).await;
        self.wake(parked, context).await;
        let each = |from: Option<u64>, to: Option<u64>| {
            let grown = to? as f64 - from? as f64;
            (count >= MEMORY_FROM).then(|| (grown / count as f64).round())
        };
        let quantile = |of: &Recorder, name| {
            let mut times = Times::default();
            let of_it = of.times().iter().filter(|(step, _)| *step == name);
            of_it.for_each(|(_, took)| times.add(*took));
            // A wake time of 0 means that the browser got the outcome before the phone got its
            // response. Such a quantile is left out.
            times.quantile(0.99).map(|time| time.as_micros() as u64).filter(|us| *us > 0)
        };
        Ok(super::figures(json!({
            "parked": count,
            "decided": self.decisions(),
            "outcome, p99 with few parked, us": quantile(&few, step::OUTCOME),
            "wake, p99 with few parked, us": quantile(&few, step::WAKE),
            "memory per pending challenge, bytes": each(before, pending),
            "memory per parked browser, bytes": each(pending, held),
        })))
    }
}

/// Starts a challenge for each user, and lets the user's phone read it.
async fn challenges(users: Vec<User>) -> Result<Vec<Waiter>, LoadError> {
    let starting = stream::iter(users).map(async |user| {
        let open = user.challenge_with_retries().await?;
        let seen = user.read(&open, &mut Recorder::default()).await?;
        Ok::<_, LoadError>(Waiter { user, open, seen })
    });
    starting.buffered(AT_ONCE).try_collect().await
}

fn park(waiter: Waiter) -> (Waiter, Poll) {
    let poll = waiter.open.poll_on(PATIENCE);
    (waiter, poll)
}

async fn wake(
    waiter: Waiter,
    poll: Poll,
    meant: Instant,
    times: &mut Recorder,
) -> Result<(), LoadError> {
    waiter.user.answer(&waiter.seen, true, times).await?;
    let answered = Instant::now();
    let (_, at) = poll.told(true).await?;
    times.record(step::WAKE, at.saturating_duration_since(answered));
    times.record(step::OUTCOME, at.saturating_duration_since(meant));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_are_decided_are_spread_over_all() {
        let decided = Wake::OneByOne;
        let args = WaitersArgs {
            count: 10,
            few: 1,
            decided: 3,
            wake: decided,
            at_once: 1,
            hold: Duration::ZERO,
        };
        let chosen: Vec<_> = (0..10).filter(|index| args.is_chosen(*index)).collect();
        assert_eq!(chosen, [3, 6, 9]);
        let all = WaitersArgs { wake: Wake::All, ..args };
        assert!((0..10).all(|index| all.is_chosen(index)));
    }
}
