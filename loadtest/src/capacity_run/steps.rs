//! Processor cost of each step of a lifecycle. One run makes the first step only, another the first
//! two, and so on. The last step of a run is repeated if that is possible.

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
/// Shares of the highest lifecycle rate at which each run is measured.
const PARTS: [f64; 2] = [0.3, 0.6];
/// Number of executions of a run's last step if it is repeatable, because the cost of a single
/// execution is too small to stand out of the noise.
const TIMES: usize = 4;
/// The steps that a run can repeat immediately, with the same effect on the server each time.
const REPEATABLE: [&str; 3] = [step::TRACK, step::VERIFY, step::VALIDATE];
/// Requests of a whole lifecycle. The read of an official phone takes two.
const LIFECYCLE_REQUESTS: usize = STEPS.len() + 1;
/// Upper limit for the request rate of a run, as a share of the request rate at the highest rate.
const REQUESTS_MAX: f64 = 0.7;
/// Length of one run.
const TIME: Duration = Duration::from_secs(3);
/// Minimum and maximum number of rounds. Every round runs all steps, so that disturbances on the
/// machine affect all steps alike.
const ROUNDS: [usize; 2] = [2, 6];
/// Largest standard error of a step, as a share of the cost of all steps together.
const ERROR_MAX: f64 = 0.03;

/// A scenario that runs only the first steps of each lifecycle.
#[derive(Serialize)]
struct Partial {
    steps: usize,
    load: LoadArgs,
}

/// A user who stops after some steps. Each user runs once, because their open challenge would
/// change their next lifecycle.
struct Stopping {
    user: User,
    steps: usize,
}

/// Measures the processor cost of each step, from runs with rates below `highest`.
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

/// Counts the executions of each step in a run that ends after `steps` steps. The last step runs
/// `last` times if it is repeatable.
fn times(steps: usize, last: usize) -> [usize; STEPS.len()] {
    std::array::from_fn(|index| match steps.checked_sub(index + 1) {
        None => 0,
        Some(0) if REPEATABLE.contains(&STEPS[index]) => last,
        Some(_) => 1,
    })
}

/// Returns `part`, a share of the highest rate. It is lowered if arrivals that execute the steps
/// `times` times would send more requests than [`REQUESTS_MAX`] allows.
fn bearable(part: f64, times: [usize; STEPS.len()]) -> f64 {
    let [.., reads, _, _] = times;
    // An official phone requests a nonce before it reads.
    let requests = times.iter().sum::<usize>() + reads;
    part.min(REQUESTS_MAX * LIFECYCLE_REQUESTS as f64 / requests as f64)
}

/// Checks that the standard errors are small enough for a planner.
fn are_sure(steps: &[Fit]) -> bool {
    let whole: f64 = steps.iter().map(|step| step.slope).sum();
    steps.iter().all(|step| step.slope_error.is_some_and(|error| error <= ERROR_MAX * whole))
}

/// Reads the rate of each step and the used cores from the report of a run; `None` without the
/// server's processor time.
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
        // Every run from the third step on polls here, after the decision if the run makes one,
        // because the response to the poll carries the token that the last step validates.
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
        // Enough users, so that each of them runs only once.
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

    /// Cost of each step in seconds, close to the real cost with the memory store.
    const COSTS: [f64; STEPS.len()] = [0.000_05, 0.000_08, 0.000_02, 0.000_12, 0.000_13, 0.000_01];
    const HIGHEST: f64 = 2_000.0;

    /// Simulates all runs of some rounds, with noise of up to a hundredth of a core.
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
