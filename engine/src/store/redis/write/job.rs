//! Jobs for the writing task.

use super::unit::Waiting;

/// A job for the writing task.
pub(in crate::store::redis) enum Job {
    /// Record a unit.
    Record(Waiting),
    /// Open the partitions again, because Redis has changed its process or lost records.
    Reopen,
}
