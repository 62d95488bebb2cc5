//! Processor cost of each step of a lifecycle: each run ends one step later than the one before it,
//! and repeats the last step where a repetition is possible.

use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use super::CapacityRun;
use crate::LoadError;
use crate::capacity::fit::{self, Mixture};
use crate::client::people::User;
use crate::client::recorder::Recorder;
use crate::out::report::capacity::Fit;
use crate::out::report::model::Report;
use crate::out::report::step;
use crate::run::drive::Work;
use crate::scenario::{Figures, LoadArgs, RunContext, Scenario};
use crate::server::Prepared;

/// The steps, in the order in which they happen.
const STEPS: [&str; 6] =
    [step::TRACK, step::CHALLENGE, step::VERIFY, step::READ, step::DECIDE, step::VALIDATE];
/// Parts of the highest rate of lifecycles at which each is measured.
const PARTS: [f64; 2] = [0.3, 0.6];
/// Repetitions of a run's last step, because a step that runs rarely costs too little to stand out
/// of the noise.
const TIMES: usize = 4;
/// The steps that can be done again, at once and with the same effect on the server each time.
const REPEATABLE: [&str; 3] = [step::TRACK, step::VERIFY, step::VALIDATE];
/// Requests of a whole lifecycle, of which an official phone's read takes two.
const LIFECYCLE_REQUESTS: usize = STEPS.len() + 1;
/// The part of the requests that come at the highest rate which no run sends more of.
const REQUESTS_MAX: f64 = 0.7;
/// Length of a run.
const TIME: Duration = Duration::from_secs(3);
/// All steps take turns so often, at least and at most: whatever else the machine does falls on
/// all.
const ROUNDS: [usize; 2] = [2, 6];
/// Largest standard error of a step, as a part of the cost of all steps together.
const ERROR_MAX: f64 = 0.03;

/// The first steps of lifecycles.
#[derive(Serialize)]
struct Partial {
    steps: usize,
    load: LoadArgs,
}

/// A user who stops after some steps and runs once, because an open challenge changes the next
/// lifecycle.
struct Stopping {
    user: User,
    steps: usize,
}

/// Takes the measurements.
///
/// # Errors
/// [`LoadError`].
pub(super) async fn measure(
    capacity_run: &CapacityRun<'_>,
    highest: f64,
    server: &Prepared,
) -> Result<Vec<Fit>, LoadError> {
    let mut mixtures = Vec::new();
    let mut fits = Vec::new();
    for round in 1..=ROUNDS[1] {
        for steps in 1..=STEPS.len() {
            for part in PARTS {
                let rate = highest * bearable(part, times(steps, TIMES));
                let partial = Partial { steps, load: LoadArgs::poisson(rate, TIME) };
                let report = capacity_run.session.measure(&partial, server).await?;
                if let Some(why) = report.cut_short {
                    return Err(LoadError::Server(why));
                }
                mixtures.extend(mixture(&report));
            }
        }
        fits = fit::steps(&STEPS, &mixtures).unwrap_or_default();
        if round >= ROUNDS[0] && are_sure(&fits) {
            break;
        }
    }
    Ok(fits)
}

/// Counts the executions of each step in a run that ends after `steps`; the last one runs `last`
/// times if it is repeatable.
fn times(steps: usize, last: usize) -> [usize; STEPS.len()] {
    std::array::from_fn(|index| match steps.checked_sub(index + 1) {
        None => 0,
        Some(0) if REPEATABLE.contains(&STEPS[index]) => last,
        Some(_) => 1,
    })
}

/// The part of the highest rate at which arrivals that do so much come: lower where they send more
/// requests than the server can be expected to bear.
fn bearable(part: f64, times: [usize; STEPS.len()]) -> f64 {
    let [.., reads, _, _] = times;
    // An official phone asks for a nonce before it reads.
    let requests = times.iter().sum::<usize>() + reads;
    part.min(REQUESTS_MAX * LIFECYCLE_REQUESTS as f64 / requests as f64)
}

/// Tells whether the errors are small enough for a planner.
fn are_sure(steps: &[Fit]) -> bool {
    let whole: f64 = steps.iter().map(|step| step.slope).sum();
    steps.iter().all(|step| step.slope_error.is_some_and(|error| error <= ERROR_MAX * whole))
}

/// Reads the rate of each step and the cores of the run from its report.
fn mixture(report: &Report) -> Option<Mixture> {
    let seconds = report.took_seconds;
    let cores = report.totals.server_cpu_seconds? / seconds;
    let done = |name: &&str| {
        let step = report.steps.iter().find(|step| step.name == **name);
        step.map_or(0, |step| step.times.len()) as f64 / seconds
    };
    Some(Mixture { rates: STEPS.iter().map(done).collect(), cores })
}

impl Work for Stopping {
    async fn once(&mut self, meant: Instant, recorder: &mut Recorder) -> Result<(), LoadError> {
        self.begin(meant, recorder).await?;
        recorder.record(step::WHOLE, meant.elapsed());
        Ok(())
    }
}

impl Stopping {
    async fn begin(&self, meant: Instant, recorder: &mut Recorder) -> Result<(), LoadError> {
        let [tracks, challenges, asks, reads, decisions, validations] = times(self.steps, TIMES);
        if challenges == 0 {
            self.user.track(meant, recorder).await?;
            for _ in 1..tracks {
                self.user.track(Instant::now(), recorder).await?;
            }
            return Ok(());
        }
        let open = self.user.challenge(meant, recorder).await?;
        if reads > 0 {
            let seen = self.user.read(&open, recorder).await?;
            if decisions > 0 {
                self.user.answer(&seen, true, recorder).await?;
            }
        }
        // Every run from the third step on asks, because a decision needs an answer to that
        // request.
        let mut token = None;
        for _ in 0..asks {
            let told = recorder.timed(step::VERIFY, Instant::now(), open.ask(None)).await?;
            token = told.access_token;
        }
        let Some(token) = token else { return Ok(()) };
        for _ in 0..validations {
            self.user.validate(token.clone(), recorder).await?;
        }
        Ok(())
    }
}

impl Scenario for Partial {
    const NAME: &'static str = "steps";
    const MAIN: &'static str = step::WHOLE;
    type Ready = Vec<Stopping>;

    fn load(&self) -> Option<&LoadArgs> {
        Some(&self.load)
    }

    async fn prepare(&self, context: &RunContext) -> Result<Vec<Stopping>, LoadError> {
        // Enough for each to come once.
        let time = (self.load.time + self.load.warm_up).as_secs_f64();
        let count = (self.load.rate * time * 1.2).ceil() as usize + 20;
        let users = context.enroll(count).await?;
        let users = users.into_iter().map(|user| Stopping { user, steps: self.steps }).collect();
        self.load.warm_up(users, Self::MAIN, context).await
    }

    async fn measure(
        &self,
        users: Vec<Stopping>,
        context: &RunContext,
    ) -> Result<Figures, LoadError> {
        self.load.run(users, context).await;
        Ok(Figures::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cost of each step in seconds, close to its cost with the store in memory.
    const COSTS: [f64; STEPS.len()] = [0.000_05, 0.000_08, 0.000_02, 0.000_12, 0.000_13, 0.000_01];
    const HIGHEST: f64 = 2_000.0;

    /// All runs of some rounds, with noise of a hundredth of a core.
    fn measured(last: usize, seed: u64) -> Vec<Fit> {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut mixtures = Vec::new();
        for steps in (0..ROUNDS[0]).flat_map(|_| 1..=STEPS.len()) {
            for part in PARTS {
                let times = times(steps, last);
                let rate = HIGHEST * bearable(part, times);
                let rates = times.map(|often| rate * often as f64);
                let used: f64 = rates.iter().zip(COSTS).map(|(rate, cost)| rate * cost).sum();
                let noise = 0.02 * (random.f64() - 0.5);
                mixtures.push(Mixture { rates: rates.to_vec(), cores: 0.05 + used + noise });
            }
        }
        fit::steps(&STEPS, &mixtures).expect("the runs tell the steps apart")
    }

    #[test]
    fn the_last_step_is_done_again_where_it_can_be() {
        assert_eq!(times(1, 4), [4, 0, 0, 0, 0, 0]);
        assert_eq!(times(2, 4), [1, 1, 0, 0, 0, 0]);
        assert_eq!(times(3, 4), [1, 1, 4, 0, 0, 0]);
        assert_eq!(times(4, 4), [1, 1, 1, 1, 0, 0]);
        assert_eq!(times(5, 4), [1, 1, 1, 1, 1, 0]);
        assert_eq!(times(6, 4), [1, 1, 1, 1, 1, 4]);
    }

    #[test]
    fn no_run_sends_more_requests_than_the_server_bears() {
        for steps in 1..=STEPS.len() {
            let times = times(steps, TIMES);
            let requests = times.iter().sum::<usize>() + times[3];
            for part in PARTS {
                let sent = bearable(part, times) * requests as f64;
                assert!(sent <= 0.7 * 7.0 + 1e-9, "{steps} steps: {sent}");
            }
        }
        assert_eq!(bearable(0.6, times(5, TIMES)), 0.6);
        assert!(bearable(0.6, times(6, TIMES)) < 0.5);
    }

    #[test]
    fn doing_steps_again_says_more_of_what_they_cost() {
        let mean_error = |last: usize, index: usize| {
            let errors = (0..50).map(|seed| {
                measured(last, seed)[index].slope_error.expect("there are rows enough")
            });
            errors.sum::<f64>() / 50.0
        };
        for (index, name) in STEPS.iter().enumerate().filter(|(_, s)| REPEATABLE.contains(s)) {
            let (once, again) = (mean_error(1, index), mean_error(TIMES, index));
            assert!(again < 0.6 * once, "{name}: {again} is not well below {once}");
        }
        for (fit, cost) in measured(TIMES, 1).iter().zip(COSTS) {
            let error = fit.slope_error.expect("there are rows enough");
            assert!((fit.slope - cost).abs() < 4.0 * error, "{cost}: {fit:?}");
        }
    }
}
