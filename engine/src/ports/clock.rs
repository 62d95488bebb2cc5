//! The time.

use countersign_core::time::UnixMillis;

/// Tells the time. Everything that is stored, signed or shown takes it from here.
pub trait Clock: Send + Sync + 'static {
    /// The time.
    fn now(&self) -> UnixMillis;
}
