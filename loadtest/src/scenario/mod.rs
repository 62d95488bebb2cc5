//! Scenarios, one file each.

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

/// Everything that a scenario works with.
pub struct RunContext {
    /// Source of users.
    pub factory: UserFactory,
    /// Tally of the run.
    pub tally: Arc<Tally>,
    /// Signal for an early end.
    pub stop: Stop,
    /// The server's metrics, if they can be read.
    pub metrics: Option<Metrics>,
    /// Progress on the terminal.
    pub progress: Progress,
    /// The server's process, if it is known.
    pub pid: Option<u32>,
    /// Seed of the random numbers.
    pub seed: u64,
}

impl RunContext {
    /// Enrolls that many users, and shows it.
    ///
    /// # Errors
    /// The first [`LoadError`].
    pub async fn enroll(&self, count: usize) -> Result<Vec<User>, LoadError> {
        self.progress.prepare("enrolling", count);
        self.factory.enroll(count, || self.progress.prepared()).await
    }

    /// Memory of the server that is in use, in bytes, if its process is known.
    pub fn rss_bytes(&self) -> Option<u64> {
        process::rss_bytes(self.pid?).ok()
    }
}

/// Single numbers of a run, by name.
pub type Figures = Map<String, Value>;

/// A kind of load.
pub trait Scenario: Serialize + Sync {
    /// Its name.
    const NAME: &'static str;
    /// The step whose times are those of the whole.
    const MAIN: &'static str;
    /// State that is prepared before the measurement.
    type Ready: Send;

    /// Its arrivals, if they come on a schedule.
    fn load(&self) -> Option<&LoadArgs> {
        None
    }

    /// Refuses options that contradict each other.
    ///
    /// # Errors
    /// [`LoadError::Input`].
    fn check(&self) -> Result<(), LoadError> {
        self.load().map_or(Ok(()), LoadArgs::check)
    }

    /// Requests at the same time, at most: those of the workers, each of which sends one by one.
    fn requests(&self) -> usize {
        self.load().map_or(0, |load| load.workers(Duration::ZERO))
    }

    /// Length of the measured part, if it is known.
    fn length(&self) -> Option<Duration> {
        self.load().map(|load| load.time)
    }

    /// Prepares the measurement.
    fn prepare(&self, context: &RunContext)
    -> impl Future<Output = Result<Self::Ready, LoadError>>;

    /// Does it, and writes it down.
    fn measure(
        &self,
        ready: Self::Ready,
        context: &RunContext,
    ) -> impl Future<Output = Result<Figures, LoadError>>;

    /// Adds figures that follow from the series.
    fn conclude(&self, _points: &[Point], _figures: &mut Figures) {}
}

/// A time in seconds, for a report.
pub(crate) fn seconds<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(time.as_secs_f64())
}

/// A value in the words of the command line, for a report.
pub(crate) fn words<S: Serializer>(value: &impl Display, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

/// An object of figures.
pub(crate) fn figures(value: Value) -> Figures {
    if let Value::Object(figures) = value { figures } else { Map::new() }
}
