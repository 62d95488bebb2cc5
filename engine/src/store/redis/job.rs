//! Jobs for the commit task, and their replies.

use std::time::Duration;

use countersign_core::time::UnixMillis;
use tokio::sync::oneshot;

use super::entry::Entry;
use super::reply::Said;
use super::unit::Unit;
use crate::ports::store::StoreError;
use crate::store::refused;
use crate::system::Stopwatch;

/// Seconds for which a closing store retries units that it has answered early.
pub(super) const CLOSING_SECONDS: f64 = 3.0;
/// Pause between two attempts to send a group.
pub(super) const PAUSE: Duration = Duration::from_millis(50);

/// Function that gets the reply of Redis to a unit, and sends the decoded answer to the caller.
pub(super) type Caller = Box<dyn FnOnce(Result<Said, StoreError>) + Send>;

pub(super) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// A job for the commit task.
pub(super) enum Job {
    /// Record a unit.
    Record(Queued),
    /// Prune old records.
    Prune { actions_before: UnixMillis, challenges_before: UnixMillis, reply: Reply<u64> },
    /// Check whether these index entries have a record; entries without one are removed.
    Check(Vec<Entry>),
    /// Check that Redis has every attempt that it has acknowledged.
    Verify,
}

/// A unit that waits to be recorded, or whose result is not known yet.
pub(super) struct Queued {
    pub(super) unit: Unit,
    /// Callback of the caller; none if the caller was answered early or has got an answer.
    pub(super) caller: Option<Caller>,
    /// Number of the early answer; none if the caller was not answered early. A unit with a number
    /// is retried until it is recorded.
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

    /// Answers the caller with an error if it has waited for more than `wait` seconds. Returns true
    /// if so.
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
