//! Jobs for the writer, and their answers.

use std::time::Duration;

use countersign_core::time::UnixMillis;
use tokio::sync::oneshot;

use super::entry::Entry;
use super::unit::Unit;
use crate::ports::store::{Committed, StoreError};
use crate::store::refused;
use crate::system::Stopwatch;

/// Seconds for which a store that is being closed tries to record the units that it has answered.
pub(super) const CLOSING_SECONDS: f64 = 3.0;
/// Between two tries to settle a group.
pub(super) const PAUSE: Duration = Duration::from_millis(50);

/// Answer to a unit.
pub(super) enum Done {
    Commit(Committed),
    Secret([u8; 32]),
    Observed(UnixMillis),
    Event,
}

pub(super) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// A job for the writer.
pub(super) enum Job {
    /// Record a unit.
    Record(Queued),
    /// Prune old records.
    Prune { actions_before: UnixMillis, challenges_before: UnixMillis, reply: Reply<u64> },
    /// Look whether these entries have a record.
    Suspect(Vec<Entry>),
    /// Check that Redis has all that it has acknowledged.
    Verify,
}

/// A unit that waits to be recorded, or to be known.
pub(super) struct Queued {
    pub(super) unit: Unit,
    /// Nobody once the time of the caller is up, and where it was answered early.
    pub(super) reply: Option<Reply<Done>>,
    /// Its number among those that were answered early: it is recorded, however long that takes.
    pub(super) told: Option<u64>,
    pub(super) since: Stopwatch,
}

impl Queued {
    /// Answers callers that have waited for so many seconds. The answer is whether that was so.
    pub(super) fn answered_late(&mut self, wait: f64) -> bool {
        let is_late = self.reply.is_some() && self.since.seconds() > wait;
        let reply = if is_late { self.reply.take() } else { None };
        let _ = reply.map(|reply| reply.send(Err(late())));
        is_late
    }
}

pub(super) fn late() -> StoreError {
    refused("Redis did not answer in time")
}
