//! Whole lifecycles in a closed loop, each with a long poll that is begun before the decision.

use std::time::Duration;

use clap::Args;
use countersign_client::Http;
use serde_json::{Value, json};

use crate::recorder::Recorder;
use crate::report::{Machine, Report, Section};
use crate::schedule::{self, Work};
use crate::server::Target;
use crate::user::{Learn, User, enroll_many, step};
use crate::{LoadError, descriptors};

/// How much of it.
#[derive(Args)]
pub struct LifecycleArgs {
    /// Users that go through lifecycles at the same time.
    #[arg(long, default_value_t = 32)]
    pub concurrency: usize,
    /// For how long.
    #[arg(long, default_value_t = 10)]
    pub seconds: u64,
}

/// A user who goes through lifecycles over and over.
pub struct Cycle {
    /// Who.
    pub user: User,
    /// How the browser learns of the outcome.
    pub learn: Learn,
}

impl Work for Cycle {
    async fn once(&mut self, recorder: &mut Recorder) -> Result<(), LoadError> {
        self.user.lifecycle(self.learn, recorder).await
    }
}

/// Runs it.
///
/// # Errors
/// [`LoadError`] if users cannot be enrolled. Lifecycles that fail are counted in the report.
pub async fn run(target: &Target, args: &LifecycleArgs) -> Result<Report, LoadError> {
    // Two connections each: the long poll holds one.
    descriptors::allow(2 * args.concurrency as u64)?;
    let http = Http::new().map_err(LoadError::at("connect"))?;
    let users = enroll_many(target, &http, args.concurrency).await?;
    let work = users.into_iter().map(|user| Cycle { user, learn: Learn::Waiting });
    let time = schedule::for_time(Duration::from_secs(args.seconds));
    let done = schedule::closed_loop(work, time).await;
    let rate = done.completed as f64 / done.took.as_secs_f64();
    let figures = json!({
        "concurrency": args.concurrency,
        "seconds": (done.took.as_secs_f64() * 10.0).round() / 10.0,
        "completed": done.completed,
        "failed": done.failed,
        "first failure": done.first_failure.map(|e| e.to_string()),
        "lifecycles per second": (rate * 10.0).round() / 10.0,
    });
    let Value::Object(figures) = figures else { unreachable!("made as an object just above") };
    Ok(Report {
        scenario: "lifecycle",
        machine: Machine::here(),
        figures,
        sections: vec![Section {
            title: "Latency by step".to_owned(),
            times: done.times.of(&step::ALL),
        }],
    })
}
