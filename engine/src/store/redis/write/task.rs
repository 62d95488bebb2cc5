//! The one task that writes to Redis.

/// Largest number of waiting units. The store refuses any more.
pub(in crate::store::redis) const QUEUE_UNITS_MAX: usize = 16_384;

/// The task.
pub(in crate::store::redis) struct Task {}
