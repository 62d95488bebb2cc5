//! Time for which a long poll waits at most.

/// Maximum time for which a long poll waits for a change.
///
/// A caller implements this trait if it has to know when the wait begins and ends. Every other
/// caller passes a number of milliseconds (`u64`).
pub trait WaitTime {
    /// A guard that the engine holds while the caller waits.
    type Guard;

    /// Returns the maximum wait in milliseconds. With 0 the poll is answered at once.
    fn ms(&self) -> u64;

    /// Marks the beginning of the wait, and returns a guard for it. The engine does not call this
    /// for a poll that is answered at once.
    fn begin(&self) -> Self::Guard;
}

impl WaitTime for u64 {
    type Guard = ();

    fn ms(&self) -> u64 {
        *self
    }

    fn begin(&self) {}
}
