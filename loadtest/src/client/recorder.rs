//! Times of the steps of one piece of work.

use std::time::Duration;

use countersign_client::ClientError;
use tokio::time::Instant;

use crate::LoadError;
use crate::error::is_refusal;
use crate::out::report::step;

/// The recorded times, each with the name of its step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorder {
    times: Vec<(&'static str, Duration)>,
}

impl Recorder {
    /// Records the time of a step.
    pub fn record(&mut self, name: &'static str, took: Duration) {
        self.times.push((name, took));
    }

    /// Returns the times in the order of their recording.
    pub fn times(&self) -> &[(&'static str, Duration)] {
        &self.times
    }

    /// Waits for a step and records the time since `meant`, the time at which the step was due. The
    /// time of a refusal is recorded as [`step::REFUSAL`] instead, and it counts from this call.
    /// The time of another error is not recorded.
    ///
    /// # Errors
    /// The error of the step, with the step's name.
    pub async fn timed<T>(
        &mut self,
        name: &'static str,
        meant: Instant,
        asked: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, LoadError> {
        let sent = Instant::now();
        let answer = asked.await;
        match &answer {
            Ok(_) => self.record(name, meant.elapsed()),
            Err(error) if is_refusal(error) => self.record(step::REFUSAL, sent.elapsed()),
            Err(_) => {}
        }
        answer.map_err(LoadError::at(name))
    }
}
