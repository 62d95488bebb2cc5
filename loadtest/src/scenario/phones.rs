//! Time from the start of a challenge until an open app receives it through its long poll.

use std::time::Duration;

use clap::Args;
use countersign_client::ClientError;
use serde::Serialize;
use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::{Figures, LoadArgs, RunContext, Scenario};
use crate::LoadError;
use crate::client::people::{Phone, Seen, User, WAIT_SECONDS};
use crate::client::recorder::Recorder;
use crate::out::report::step;
use crate::run::drive::Work;
use crate::server::metrics::Metrics;

/// Longest time to wait until the server reports the polls of all apps as parked.
const PARKING: Duration = Duration::from_secs(25);

/// Open apps, and challenges on a schedule.
#[derive(Args, Clone, Debug, Serialize)]
pub struct PhonesArgs {
    /// Rate, shape and length of the load; `--users` is the number of open apps.
    #[command(flatten)]
    #[serde(flatten)]
    pub load: LoadArgs,
}

/// A user whose app is open.
pub struct App {
    user: User,
    /// The app's long poll, which is repeated until a challenge is pending.
    poll: JoinHandle<(Result<Seen, ClientError>, Instant)>,
}

impl App {
    fn open(user: User) -> Self {
        let poll = tokio::spawn(watch(user.phone.clone()));
        Self { user, poll }
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.poll.abort();
    }
}

async fn watch(phone: Phone) -> (Result<Seen, ClientError>, Instant) {
    loop {
        match phone.pending(Some(WAIT_SECONDS)).await {
            Ok(None) => {}
            Ok(Some(seen)) => return (Ok(seen), Instant::now()),
            Err(error) => return (Err(error), Instant::now()),
        }
    }
}

impl Work for App {
    async fn once(&mut self, meant: Instant, recorder: &mut Recorder) -> Result<(), LoadError> {
        let result = self.notified(meant, recorder).await;
        // The app starts a new poll after each challenge, with any result.
        self.poll.abort();
        self.poll = tokio::spawn(watch(self.user.phone.clone()));
        result
    }
}

impl App {
    async fn notified(&mut self, meant: Instant, recorder: &mut Recorder) -> Result<(), LoadError> {
        let mut own = Recorder::default();
        let open = self.user.challenge(meant, &mut own).await;
        own.times().iter().for_each(|(name, took)| recorder.record(name, *took));
        let open = open?;
        // The server may respond to the app's poll before it responds to the browser's request, so
        // the time counts from the moment when the browser sent the request.
        let challenge = own.times().iter().find(|(name, _)| *name == step::CHALLENGE);
        let asked = Instant::now() - challenge.map_or(Duration::ZERO, |(_, took)| *took);
        let what = "the app's poll was lost";
        let lost = |_| LoadError::Unexpected { step: step::NOTICE, what };
        let (seen, at) = (&mut self.poll).await.map_err(lost)?;
        let seen = seen.map_err(LoadError::at(step::NOTICE))?;
        let what = "the app is told of another challenge";
        LoadError::check(seen.challenge == open.id, step::NOTICE, what)?;
        recorder.record(step::NOTICE, at.saturating_duration_since(asked));
        self.user.answer(&seen, true, recorder).await?;
        recorder.record(step::WHOLE, meant.elapsed());
        Ok(())
    }
}

impl Scenario for PhonesArgs {
    const NAME: &'static str = "phones";
    const MAIN: &'static str = step::WHOLE;
    type Ready = Vec<App>;

    fn load(&self) -> Option<&LoadArgs> {
        Some(&self.load)
    }

    fn requests(&self) -> usize {
        // Each app has a parked poll. In addition, up to 1,000 apps send requests after they
        // received a challenge.
        let apps = self.load.workers(Duration::ZERO);
        apps + apps.min(1000)
    }

    async fn prepare(&self, context: &RunContext) -> Result<Vec<App>, LoadError> {
        let count = self.load.workers(Duration::ZERO);
        let users = context.enroll(count).await?;
        let apps: Vec<_> = users.into_iter().map(App::open).collect();
        Metrics::parked(context.metrics.as_ref(), count, PARKING).await?;
        self.load.warm_up(apps, Self::MAIN, context).await
    }

    async fn measure(&self, apps: Vec<App>, context: &RunContext) -> Result<Figures, LoadError> {
        let open = apps.len();
        self.load.run(apps, context).await;
        Ok(super::figures(json!({ "open apps": open })))
    }
}
