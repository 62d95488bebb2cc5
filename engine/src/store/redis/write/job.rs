//! Jobs for the writing task.

use std::time::Duration;

use super::unit::Waiting;
use crate::ports::store::StoreError;
use crate::store::refused;

/// Seconds for which a closing store retries units that it has answered early.
pub(super) const CLOSING_SECONDS: f64 = 3.0;
/// Pause between two attempts to send a group.
pub(super) const PAUSE: Duration = Duration::from_millis(50);

/// A job for the writing task.
pub(in crate::store::redis) enum Job {
    /// Record a unit.
    Record(Waiting),
    /// Open the partitions again, because Redis has changed its process or lost records.
    Reopen,
}

pub(super) fn late() -> StoreError {
    refused("Redis did not answer in time")
}
