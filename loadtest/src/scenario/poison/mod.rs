//! Lifecycles of which an attacker disturbs a share, and the effect on the undisturbed ones.

mod attack;

use clap::Args;
use serde::Serialize;
use serde_json::json;
use tokio::time::Instant;

use self::attack::{Attack, Attacker};
use super::lifecycle::{Cycle, LifecycleArgs};
use super::{Figures, LoadArgs, RunContext, Scenario};
use crate::LoadError;
use crate::client::people::Seen;
use crate::client::recorder::Recorder;
use crate::out::report::step;
use crate::run::drive::Work;

/// Lifecycles with poison.
#[derive(Args, Clone, Debug, Serialize)]
pub struct PoisonArgs {
    /// Share of the lifecycles with an attack, 0 to 1: a signature over another text, an answer to
    /// an earlier challenge, or garbage.
    #[arg(long, default_value_t = 0.1, value_parser = share)]
    pub share: f64,
    /// The lifecycles.
    #[command(flatten)]
    #[serde(flatten)]
    pub lifecycle: LifecycleArgs,
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse::<f64>().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "it is a number from 0 to 1".to_owned())
}

/// A user, and an attacker who knows the user's challenges.
pub struct Poisoned {
    cycle: Cycle,
    attacker: Attacker,
    share: f64,
    /// The challenge that the phone read in the previous attacked lifecycle.
    earlier: Option<Seen>,
}

impl Poisoned {
    /// Runs a lifecycle in which the attacker sends a bad request before the person approves.
    async fn attacked(&mut self, meant: Instant, times: &mut Recorder) -> Result<(), LoadError> {
        let user = &self.cycle.user;
        let attack = Attack::draw(&mut self.cycle.random);
        let open = user.challenge(meant, times).await?;
        let poll = open.poll();
        let seen = user.read(&open, times).await?;
        let earlier = self.earlier.as_ref();
        self.attacker.send(attack, &user.phone, &seen, earlier, times).await?;
        user.answer(&seen, true, times).await?;
        let (told, _) = poll.told(true).await?;
        self.earlier = Some(seen);
        let Some(token) = told.access_token else { return Ok(()) };
        user.validate(token, times).await
    }
}

impl Work for Poisoned {
    async fn once(&mut self, meant: Instant, times: &mut Recorder) -> Result<(), LoadError> {
        // Only lifecycles without an attack record the time of the whole.
        if self.cycle.random.f64() < self.share {
            self.attacked(meant, times).await
        } else {
            self.cycle.once(meant, times).await
        }
    }
}

impl Scenario for PoisonArgs {
    const NAME: &'static str = "poison";
    const MAIN: &'static str = step::WHOLE;
    type Ready = Vec<Poisoned>;

    fn load(&self) -> Option<&LoadArgs> {
        Some(&self.lifecycle.load)
    }

    fn requests(&self) -> usize {
        self.lifecycle.requests()
    }

    async fn prepare(&self, context: &RunContext) -> Result<Vec<Poisoned>, LoadError> {
        let attacker = Attacker::new(&context.factory.target, context.seed)?;
        let cycles = self.lifecycle.prepare(context).await?;
        let poisoned = |cycle: Cycle| {
            let attacker = attacker.clone();
            Poisoned { cycle, attacker, share: self.share, earlier: None }
        };
        Ok(cycles.into_iter().map(poisoned).collect())
    }

    async fn measure(
        &self,
        users: Vec<Poisoned>,
        context: &RunContext,
    ) -> Result<Figures, LoadError> {
        self.lifecycle.load.run(users, context).await;
        let refused = |name: &str| context.tally.times_of(&[name]).count();
        Ok(super::figures(json!({
            "bad signatures refused": refused(step::BAD_SIGNATURE),
            "replays refused": refused(step::REPLAY),
            "garbage refused": refused(step::GARBAGE),
        })))
    }
}
