//! The medium behind a queue of commits.

use super::unit::Unit;
use crate::ports::store::StoreError;

/// Storage that records groups of units: SQLite, or a script in tests.
pub(in crate::store) trait Backend: Send + 'static {
    /// The open transaction of a group, on which its units run.
    type Medium: ?Sized;

    /// Runs the units in their order, and records all of them or none.
    ///
    /// # Errors
    /// [`Failure`] if nothing was recorded, or if the result is unknown.
    fn record(&mut self, units: &mut [Unit<Self::Medium>]) -> Result<(), Failure>;

    /// Does housekeeping after each group. `idle` is true if no unit waits in the queue.
    ///
    /// # Errors
    /// An error breaks the queue: it records nothing any more.
    fn maintain(&mut self, idle: bool) -> Result<(), StoreError>;

    /// Tells whether the medium has room for more than one last small group. The queue calls this
    /// only after a refusal, when a group has been recorded again. Until the answer is true the
    /// queue reports that it is not ready, so that its readiness does not change with every group.
    fn has_room(&self) -> bool {
        true
    }

    /// Closes the medium cleanly. The queue does not call this once it is broken.
    ///
    /// # Errors
    /// [`StoreError`] if closing failed. Units that were answered are recorded all the same.
    fn close(self) -> Result<(), StoreError>;
}

/// Reason for which a group may not be recorded.
pub(in crate::store) enum Failure {
    /// Nothing of the group was recorded. The next group may succeed.
    Refused(StoreError),
    /// The medium cannot be trusted any more. A failed sync must not be retried, because the system
    /// may have dropped the unwritten pages and then report success.
    Broken(StoreError),
}
