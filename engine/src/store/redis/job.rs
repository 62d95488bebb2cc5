//! Jobs for the commit task, and their answers.

use std::time::Duration;

use countersign_core::time::UnixMillis;
use tokio::sync::oneshot;

use super::entry::Entry;
use super::reply::Said;
use super::unit::Unit;
use crate::ports::store::StoreError;
use crate::store::refused;
use crate::system::Stopwatch;

/// Seconds for which a store that is being closed tries to record the units that it has answered.
pub(super) const CLOSING_SECONDS: f64 = 3.0;
/// Pause between tries to settle a group.
pub(super) const PAUSE: Duration = Duration::from_millis(50);

/// The caller of a unit, who reads the answer from the reply of Redis.
pub(super) type Caller = Box<dyn FnOnce(Result<Said, StoreError>) + Send>;

pub(super) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// A job for the commit task.
pub(super) enum Job {
    /// Record a unit.
    Record(Queued),
    /// Prune old records.
    Prune { actions_before: UnixMillis, challenges_before: UnixMillis, reply: Reply<u64> },
    /// Look whether these entries have a record.
    Check(Vec<Entry>),
    /// Check that Redis has all that it has acknowledged.
    Verify,
}

/// A unit that waits to be recorded, or to be known.
pub(super) struct Queued {
    pub(super) unit: Unit,
    /// Channel to the caller; none after the caller's time or an early answer.
    pub(super) caller: Option<Caller>,
    /// Its number among those that were answered early: it is recorded, however long that takes.
    pub(super) told: Option<u64>,
    pub(super) since: Stopwatch,
}

impl Queued {
    /// Answers the caller, if it still waits.
    pub(super) fn answer(&mut self, answer: Result<Said, StoreError>) {
        if let Some(caller) = self.caller.take() {
            caller(answer);
        }
    }

    /// Answers a caller that has waited for so many seconds. The answer is whether that was so.
    pub(super) fn answered_late(&mut self, wait: f64) -> bool {
        let is_late = self.caller.is_some() && self.since.seconds() > wait;
        if is_late {
            self.answer(Err(late()));
        }
        is_late
    }
}

pub(super) fn late() -> StoreError {
    refused("Redis did not answer in time")
}
