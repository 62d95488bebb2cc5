//! Enrollments on a schedule: each arrival enrolls a new user, with a key that was generated before
//! the run.

use std::sync::{Arc, Mutex};

use clap::Args;
use countersign_client::SoftwareKey;
use serde::Serialize;
use serde_json::json;
use tokio::time::Instant;

use super::{Figures, LoadArgs, RunContext, Scenario};
use crate::LoadError;
use crate::client::people::UserFactory;
use crate::client::recorder::Recorder;
use crate::out::report::step;
use crate::run::drive::Work;
use crate::run::lock;

/// Maximum number of keys that are generated before the run. Further keys are generated during the
/// run.
const KEYS_MAX: usize = 200_000;

/// Enrollments on a schedule.
#[derive(Args, Clone, Debug, Serialize)]
pub struct EnrollArgs {
    /// Rate, shape and length of the load.
    #[command(flatten)]
    #[serde(flatten)]
    pub load: LoadArgs,
}

/// A worker that enrolls new users.
pub struct Enroller {
    factory: Arc<UserFactory>,
    keys: Arc<Mutex<Keys>>,
}

struct Keys {
    /// Generated keys, each with the number of its user.
    made: Vec<(usize, SoftwareKey)>,
    next: usize,
    made_late: u64,
}

impl Enroller {
    fn key(&self) -> (usize, SoftwareKey) {
        let mut keys = lock(&self.keys);
        if let Some(key) = keys.made.pop() {
            return key;
        }
        let index = keys.next;
        keys.next += 1;
        keys.made_late += 1;
        (index, self.factory.key(index))
    }
}

impl Work for Enroller {
    async fn once(&mut self, meant: Instant, recorder: &mut Recorder) -> Result<(), LoadError> {
        let (index, key) = self.key();
        let user = self.factory.stranger(index, key)?;
        user.enroll(meant, recorder).await?;
        recorder.record(step::ENROLLED, meant.elapsed());
        Ok(())
    }
}

impl Scenario for EnrollArgs {
    const NAME: &'static str = "enroll";
    const MAIN: &'static str = step::ENROLLED;
    type Ready = Vec<Enroller>;

    fn load(&self) -> Option<&LoadArgs> {
        Some(&self.load)
    }

    async fn prepare(&self, context: &RunContext) -> Result<Vec<Enroller>, LoadError> {
        let time = self.load.time + self.load.warm_up;
        let expected = (self.load.rate * time.as_secs_f64() * 1.1).ceil() as usize + 100;
        let (count, factory) = (expected.min(KEYS_MAX), Arc::new(context.factory.clone()));
        let keys = factory.clone();
        context.progress.prepare("making keys", count);
        let made =
            tokio::task::spawn_blocking(move || (0..count).map(|n| (n, keys.key(n))).collect())
                .await;
        let made = made.map_err(|_| LoadError::Wrong("the keys were not made"))?;
        let keys = Arc::new(Mutex::new(Keys { made, next: count, made_late: 0 }));
        let enroller = || Enroller { factory: factory.clone(), keys: keys.clone() };
        let enrollers = (0..self.requests()).map(|_| enroller()).collect();
        self.load.warm_up(enrollers, Self::MAIN, context).await
    }

    async fn measure(
        &self,
        enrollers: Vec<Enroller>,
        context: &RunContext,
    ) -> Result<Figures, LoadError> {
        let keys = enrollers.first().map(|enroller| enroller.keys.clone());
        self.load.run(enrollers, context).await;
        let made_late = keys.map_or(0, |keys| lock(&keys).made_late);
        Ok(super::figures(json!({ "keys made while measuring": made_late })))
    }
}
