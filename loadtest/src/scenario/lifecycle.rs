//! Whole lifecycles: the backend tracks an action, the browser starts a challenge and waits, the
//! phone reads and answers, the browser gets the outcome, and the backend validates it.

use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::Serialize;
use tokio::time::Instant;

use super::{Figures, LoadArgs, RunContext, Scenario};
use crate::LoadError;
use crate::client::people::{Delay, Reaction, Reactions, User};
use crate::client::recorder::Recorder;
use crate::out::report::step;
use crate::run::drive::Work;

/// Time for which a browser polls if the person ignores the challenge, in seconds.
const GIVE_UP_SECONDS: u64 = 1;

/// The browser's way to learn the outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Learn {
    /// By one request after the decision.
    Asking,
    /// By a long poll that begins before the decision.
    Waiting,
}

/// Behaviour of the people.
#[derive(Args, Clone, Copy, Debug, Serialize)]
#[command(next_help_heading = "People")]
pub struct PeopleArgs {
    /// Time until a person answers: none, 2s, exp:5s or uniform:1s-9s. The lifecycle's time leaves
    /// it out.
    #[arg(long, default_value_t = Delay::None)]
    #[serde(serialize_with = "crate::scenario::words")]
    pub human: Delay,
    /// Shares of the people's reactions.
    #[arg(long, default_value_t = Reactions::default(), value_name = "approve=90,deny=8,ignore=2")]
    #[serde(serialize_with = "crate::scenario::words")]
    pub mix: Reactions,
    /// The browser's way to learn the outcome.
    #[arg(long, value_enum, default_value_t = Learn::Waiting)]
    pub learn: Learn,
}

/// Lifecycles on a schedule.
#[derive(Args, Clone, Debug, Serialize)]
pub struct LifecycleArgs {
    /// Rate, shape and length of the load.
    #[command(flatten)]
    #[serde(flatten)]
    pub load: LoadArgs,
    /// Behaviour of the people.
    #[command(flatten)]
    #[serde(flatten)]
    pub people: PeopleArgs,
}

/// A user who repeats lifecycles.
pub struct Cycle {
    /// The user.
    pub user: User,
    /// Behaviour of the person and the browser.
    pub people: PeopleArgs,
    /// Source of random numbers for the reactions and delays.
    pub random: fastrand::Rng,
}

impl Cycle {
    /// Creates a user who approves each challenge without a delay.
    pub fn approving(user: User, learn: Learn) -> Self {
        let people = PeopleArgs { human: Delay::None, mix: Reactions::default(), learn };
        Self { user, people, random: fastrand::Rng::with_seed(0) }
    }

    async fn decided(
        &self,
        meant: Instant,
        approve: bool,
        delay: Duration,
        recorder: &mut Recorder,
    ) -> Result<(), LoadError> {
        let open = self.user.challenge(meant, recorder).await?;
        let poll = (self.people.learn == Learn::Waiting).then(|| open.poll());
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let seen = self.user.read(&open, recorder).await?;
        let sent = self.user.answer(&seen, approve, recorder).await?;
        let told = match poll {
            Some(poll) => {
                let (told, at) = poll.told(approve).await?;
                recorder.record(step::OUTCOME, at.duration_since(sent));
                told
            }
            None => {
                let told = recorder.timed(step::VERIFY, Instant::now(), open.ask(None)).await?;
                crate::client::people::expect_end(step::VERIFY, &told, approve)?;
                told
            }
        };
        let Some(token) = told.access_token else { return Ok(()) };
        self.user.validate(token, recorder).await
    }

    /// Starts a challenge that the person ignores. The browser stops polling, and the challenge
    /// stays pending until the user's next challenge replaces it.
    async fn ignored(&self, meant: Instant, recorder: &mut Recorder) -> Result<(), LoadError> {
        let open = self.user.challenge(meant, recorder).await?;
        let told = open.ask(Some(GIVE_UP_SECONDS)).await.map_err(LoadError::at(step::VERIFY))?;
        let what = "a challenge without an answer has ended";
        LoadError::check(told.outcome.is_none(), step::VERIFY, what)
    }
}

impl Work for Cycle {
    async fn once(&mut self, meant: Instant, recorder: &mut Recorder) -> Result<(), LoadError> {
        let reaction = self.people.mix.draw(&mut self.random);
        if reaction == Reaction::Ignore {
            return self.ignored(meant, recorder).await;
        }
        let delay = self.people.human.draw(&mut self.random);
        self.decided(meant, reaction == Reaction::Approve, delay, recorder).await?;
        recorder.record(step::WHOLE, meant.elapsed().saturating_sub(delay));
        Ok(())
    }
}

impl PeopleArgs {
    /// Enrolls users who behave as these options describe.
    ///
    /// # Errors
    /// [`LoadError`].
    pub(crate) async fn cycles(
        &self,
        count: usize,
        context: &RunContext,
    ) -> Result<Vec<Cycle>, LoadError> {
        let users = context.enroll(count).await?;
        let cycle = |(index, user)| Cycle {
            user,
            people: *self,
            random: fastrand::Rng::with_seed(context.seed.wrapping_add(index as u64)),
        };
        Ok(users.into_iter().enumerate().map(cycle).collect())
    }
}

impl Scenario for LifecycleArgs {
    const NAME: &'static str = "lifecycle";
    const MAIN: &'static str = step::WHOLE;
    type Ready = Vec<Cycle>;

    fn load(&self) -> Option<&LoadArgs> {
        Some(&self.load)
    }

    fn requests(&self) -> usize {
        // Each worker has up to two requests at a time: the browser's poll and a request of the
        // phone.
        2 * self.load.workers(self.people.human.mean())
    }

    async fn prepare(&self, context: &RunContext) -> Result<Vec<Cycle>, LoadError> {
        let count = self.load.workers(self.people.human.mean());
        let cycles = self.people.cycles(count, context).await?;
        self.load.warm_up(cycles, Self::MAIN, context).await
    }

    async fn measure(
        &self,
        cycles: Vec<Cycle>,
        context: &RunContext,
    ) -> Result<Figures, LoadError> {
        let users = cycles.len();
        self.load.run(cycles, context).await;
        Ok(super::figures(serde_json::json!({ "users": users })))
    }
}
