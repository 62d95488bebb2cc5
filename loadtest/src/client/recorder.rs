//! The record of one piece of work: the times of its steps.

use std::time::Duration;

use countersign_client::ClientError;
use tokio::time::Instant;

use crate::LoadError;
use crate::error::is_refusal;
use crate::out::report::step;

/// Times by step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorder {
    times: Vec<(&'static str, Duration)>,
}

impl Recorder {
    /// Writes a time down.
    pub fn record(&mut self, name: &'static str, took: Duration) {
        self.times.push((name, took));
    }

    /// The times in the order of their recording.
    pub fn times(&self) -> &[(&'static str, Duration)] {
        &self.times
    }

    /// Waits for a step and writes down its time since `meant`. A refusal is counted apart, from
    /// when it was asked for.
    ///
    /// # Errors
    /// The step's, by its name.
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
