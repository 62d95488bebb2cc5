//! The medium behind a queue of commits.

use crate::ports::store::StoreError;

/// Records groups of units.
pub(in crate::store) trait Backend: Send + 'static {
    /// A unit of work.
    type Unit: Send;
    /// The answer to a recorded unit.
    type Answer: Send + PartialEq;

    /// Records the units in their order, all or none; a unit that is refused alone has an error of
    /// its own and leaves no trace. The answers are in the order of the units.
    ///
    /// # Errors
    /// [`Failure`] if it is not known to be recorded.
    fn record(&mut self, units: &[Self::Unit]) -> Result<Answers<Self::Answer>, Failure>;

    /// The early answer to a unit that may lag, which its record must confirm; `None` for a unit
    /// that may not.
    fn early(unit: &Self::Unit) -> Option<Self::Answer>;

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

/// The answers to a group.
pub(in crate::store) type Answers<T> = Vec<Result<T, StoreError>>;

/// A group that is not known to be recorded.
pub(in crate::store) enum Failure {
    /// Certainly nothing was recorded, and the next group may be.
    Refused(StoreError),
    /// The medium can be trusted no further. A failed sync must not be tried again, because the
    /// system may have dropped unwritten pages and report success the second time.
    Broken(StoreError),
}
