//! The limit of a long poll's wait.

/// The longest time for which a caller waits for a change.
///
/// A caller that cares when its wait begins and ends implements it; for every other, a number of
/// milliseconds is enough.
pub trait WaitLimit {
    /// A guard that is held while the caller waits.
    type Guard;

    /// Milliseconds to wait at most. A caller with 0 is answered at once.
    fn ms(&self) -> u64;

    /// Notes that the caller begins to wait, because there is no news yet. It is not called for a
    /// caller that is answered at once.
    fn begin(&self) -> Self::Guard;
}

impl WaitLimit for u64 {
    type Guard = ();

    fn ms(&self) -> u64 {
        *self
    }

    fn begin(&self) {}
}
