//! What a queue of commits writes to.

use crate::ports::store::StoreError;

/// Records groups of units.
pub(in crate::store) trait Backend: Send + 'static {
    /// What is asked for.
    type Unit: Send;
    /// What is answered to a unit of a group that was recorded.
    type Answer: Send + PartialEq;

    /// Records the units in their order, all or none; a unit that is refused alone has an error of
    /// its own and leaves no trace. The answers are in the order of the units.
    ///
    /// # Errors
    /// [`Failure`] if it is not known to be recorded.
    fn record(&mut self, units: &[Self::Unit]) -> Result<Answers<Self::Answer>, Failure>;

    /// What a unit that may lag is answered before it is recorded, which its record must confirm;
    /// absent for one that may not.
    fn early(unit: &Self::Unit) -> Option<Self::Answer>;

    /// Runs after each group, for housekeeping; `idle` is whether nothing waits.
    ///
    /// # Errors
    /// An error breaks the queue.
    fn maintain(&mut self, idle: bool) -> Result<(), StoreError>;

    /// Whether there is room for more than a last small group. Asked once a group is recorded after
    /// one that was refused: until then the queue is not ready, lest it turns with every group.
    fn has_room(&self) -> bool {
        true
    }

    /// Closes in good order; not called once the queue is broken.
    ///
    /// # Errors
    /// [`StoreError`] if that failed. What was answered is recorded all the same.
    fn close(self) -> Result<(), StoreError>;
}

/// The answers to a group.
pub(in crate::store) type Answers<T> = Vec<Result<T, StoreError>>;

/// A group that is not known to be recorded.
pub(in crate::store) enum Failure {
    /// Certainly nothing was recorded, and the next group may be.
    Refused(StoreError),
    /// The medium can be trusted no further. A failed sync must not be tried again: the system may
    /// have dropped what it could not write and report success the second time.
    Broken(StoreError),
}
