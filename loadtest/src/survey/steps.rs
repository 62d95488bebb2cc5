//! What each step of a lifecycle costs the processor: runs that end after one step more each time.

use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use super::Survey;
use crate::LoadError;
use crate::capacity::fit::{self, Mixture};
use crate::drive::Work;
use crate::people::User;
use crate::recorder::Recorder;
use crate::report::capacity::Fit;
use crate::report::model::Report;
use crate::scenario::{Figures, LoadArgs, Scenario, Stage};
use crate::server::Prepared;
use crate::{session, step};

/// The steps, in the order in which they happen.
const STEPS: [&str; 6] =
    [step::TRACK, step::CHALLENGE, step::VERIFY, step::READ, step::DECIDE, step::VALIDATE];
/// Parts of the highest rate of lifecycles at which each is measured.
const PARTS: [f64; 2] = [0.25, 0.5];
/// How long.
const TIME: Duration = Duration::from_secs(3);
/// How often a cheap step is done where a run ends with it: one of it would hardly show beside
/// those before it.
const AGAIN: usize = 4;
/// All steps take turns so often, at least and at most: whatever else the machine does falls on
/// all.
const ROUNDS: [usize; 2] = [2, 6];
/// A step's standard error, as a part of what all steps cost together, that is small enough.
const ERROR_MAX: f64 = 0.03;

/// The first steps of lifecycles.
#[derive(Serialize)]
struct Partial {
    steps: usize,
    load: LoadArgs,
}

/// A user who stops after some steps, and does so once: what is left open changes the next one.
struct Stopping {
    user: User,
    steps: usize,
}

/// Takes the measurements.
///
/// # Errors
/// [`LoadError`].
pub(super) async fn measure(
    survey: &Survey<'_>,
    highest: f64,
    server: &Prepared,
) -> Result<Vec<Fit>, LoadError> {
    let mut mixtures = Vec::new();
    let mut fits = Vec::new();
    for round in 1..=ROUNDS[1] {
        for steps in 1..=STEPS.len() {
            for part in PARTS {
                let partial = Partial { steps, load: LoadArgs::poisson(highest * part, TIME) };
                let report =
                    session::on(survey.run, &partial, survey.stop, server, survey.place).await?;
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

/// Whether a planner can count with them.
fn are_sure(steps: &[Fit]) -> bool {
    let whole: f64 = steps.iter().map(|step| step.slope).sum();
    steps.iter().all(|step| step.slope_error.is_some_and(|error| error <= ERROR_MAX * whole))
}

/// How often each step was done, and what it took all together.
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
        if self.steps == 1 {
            for nth in 0..AGAIN {
                let meant = if nth == 0 { meant } else { Instant::now() };
                self.user.track(meant, recorder).await?;
            }
            return Ok(());
        }
        let open = self.user.challenge(meant, recorder).await?;
        // Whoever decides asks once more after it, so that every run from the third on has one ask.
        if self.steps < 3 {
            return Ok(());
        }
        if self.steps == 3 {
            for _ in 0..AGAIN {
                recorder.timed(step::VERIFY, Instant::now(), open.ask(None)).await?;
            }
            return Ok(());
        }
        let seen = self.user.read(&open, recorder).await?;
        if self.steps > 4 {
            self.user.answer(&seen, true, recorder).await?;
        }
        let told = recorder.timed(step::VERIFY, Instant::now(), open.ask(None)).await?;
        let Some(token) = told.access_token.filter(|_| self.steps > 5) else { return Ok(()) };
        for _ in 0..AGAIN {
            self.user.validate(token.clone(), recorder).await?;
        }
        Ok(())
    }
}

impl Scenario for Partial {
    const NAME: &'static str = "steps";
    const MAIN: &'static str = step::WHOLE;
    type Ready = Vec<Stopping>;

    fn check(&self) -> Result<(), LoadError> {
        self.load.check()
    }

    fn requests(&self) -> usize {
        self.load.workers(Duration::ZERO)
    }

    fn length(&self) -> Option<Duration> {
        Some(self.load.length())
    }

    async fn prepare(&self, stage: &Stage) -> Result<Vec<Stopping>, LoadError> {
        // Enough for each to come once.
        let time = (self.load.time + self.load.warm_up).as_secs_f64();
        let count = (self.load.rate * time * 1.2).ceil() as usize + 20;
        stage.progress.prepare("enrolling", count);
        let users = stage.crowd.enroll(count, || stage.progress.prepared()).await?;
        let users = users.into_iter().map(|user| Stopping { user, steps: self.steps }).collect();
        self.load.warm_up(users, Self::MAIN, stage).await
    }

    async fn measure(&self, users: Vec<Stopping>, stage: &Stage) -> Result<Figures, LoadError> {
        self.load.run(users, stage).await;
        Ok(Figures::new())
    }
}
