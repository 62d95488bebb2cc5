//! The medium behind a queue of commits.

use super::unit::Unit;
use crate::ports::store::StoreError;

/// Records groups of units.
pub(in crate::store) trait Backend: Send + 'static {
    /// The open group, on which its units work.
    type Medium: ?Sized;

    /// Runs the units in their order, and records all of them or none.
    ///
    /// # Errors
    /// [`Failure`] if the group is not known to be recorded.
    fn record(&mut self, units: &mut [Unit<Self::Medium>]) -> Result<(), Failure>;

    /// Runs after each group, for housekeeping; `idle` is whether nothing waits.
    ///
    /// # Errors
    /// An error breaks the queue.
    fn maintain(&mut self, idle: bool) -> Result<(), StoreError>;

    /// Tells whether there is room for more than a last small group. Asked after the first group
    /// that is recorded after a refusal. Until then the queue is not ready, so that it does not
    /// turn with every group.
    fn has_room(&self) -> bool {
        true
    }

    /// Closes cleanly; not called once the queue is broken.
    ///
    /// # Errors
    /// [`StoreError`] if that failed. Answered units are recorded all the same.
    fn close(self) -> Result<(), StoreError>;
}

/// A group that is not known to be recorded.
pub(in crate::store) enum Failure {
    /// Certainly nothing was recorded, and the next group may be.
    Refused(StoreError),
    /// The medium can be trusted no further. A failed sync must not be tried again, because the
    /// system may have dropped unwritten pages and report success the second time.
    Broken(StoreError),
}
