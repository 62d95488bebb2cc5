//! The scenarios, with one file for each.

mod arrivals;
pub mod enroll;
pub mod lifecycle;
pub mod phones;
pub mod poison;
pub mod soak;
pub mod storm;
pub mod waiters;

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

pub use arrivals::LoadArgs;
pub(crate) use arrivals::rate;

use crate::LoadError;
use crate::client::people::{User, UserFactory};
use crate::host::process;
use crate::out::progress::Progress;
use crate::out::report::model::Point;
use crate::run::stop::Stop;
use crate::run::tally::Tally;
use crate::server::metrics::Metrics;

/// The tools that a scenario gets for its run.
pub struct RunContext {
    /// Factory of users.
    pub factory: UserFactory,
    /// Tally of the run.
    pub tally: Arc<Tally>,
    /// Signal for an early end of the run.
    pub stop: Stop,
    /// The server's metrics; `None` if they cannot be read.
    pub metrics: Option<Metrics>,
    /// Progress line on the terminal.
    pub progress: Progress,
    /// Process id of the server; `None` if it is unknown.
    pub pid: Option<u32>,
    /// Seed of the random numbers.
    pub seed: u64,
}

impl RunContext {
    /// Enrolls `count` users, and shows the progress.
    ///
    /// # Errors
    /// The first [`LoadError`] of an enrollment.
    pub async fn enroll(&self, count: usize) -> Result<Vec<User>, LoadError> {
        self.progress.prepare("enrolling", count);
        self.factory.enroll(count, || self.progress.prepared()).await
    }

    /// Returns the resident memory of the server, in bytes; `None` if its process is unknown.
    pub fn rss_bytes(&self) -> Option<u64> {
        process::rss_bytes(self.pid?).ok()
    }
}

/// Figures that only one scenario has, by name.
pub type Figures = Map<String, Value>;

/// A scenario: the kind of load that a run puts on the server.
pub trait Scenario: Serialize + Sync {
    /// Name of the scenario.
    const NAME: &'static str;
    /// The step whose times are those of the whole work of an arrival.
    const MAIN: &'static str;
    /// State that [`Self::prepare`] creates for the measurement.
    type Ready: Send;

    /// Returns the options of the arrivals; `None` if they do not follow a schedule.
    fn load(&self) -> Option<&LoadArgs> {
        None
    }

    /// Checks the options for contradictions.
    ///
    /// # Errors
    /// [`LoadError::Input`] for options that contradict each other.
    fn check(&self) -> Result<(), LoadError> {
        self.load().map_or(Ok(()), LoadArgs::check)
    }

    /// Returns the maximum number of concurrent requests. By default each worker sends one request
    /// at a time.
    fn requests(&self) -> usize {
        self.load().map_or(0, |load| load.workers(Duration::ZERO))
    }

    /// Returns the length of the measured part; `None` if it is unknown.
    fn length(&self) -> Option<Duration> {
        self.load().map(|load| load.time)
    }

    /// Prepares the measurement, such as its users.
    fn prepare(&self, context: &RunContext)
    -> impl Future<Output = Result<Self::Ready, LoadError>>;

    /// Runs the measured part, records it in the tally, and returns the scenario's own figures.
    fn measure(
        &self,
        ready: Self::Ready,
        context: &RunContext,
    ) -> impl Future<Output = Result<Figures, LoadError>>;

    /// Adds figures that are computed from the series.
    fn conclude(&self, _points: &[Point], _figures: &mut Figures) {}
}

/// Serializes a time in seconds, for a report.
pub(crate) fn seconds<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(time.as_secs_f64())
}

/// Serializes a value in the form of the command line, for a report.
pub(crate) fn words<S: Serializer>(value: &impl Display, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

/// Converts a JSON object into figures.
pub(crate) fn figures(value: Value) -> Figures {
    if let Value::Object(figures) = value { figures } else { Map::new() }
}
