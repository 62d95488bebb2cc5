//! Settings of a listener's connections.

use std::num::NonZeroUsize;
use std::time::Duration;

use super::idle::GivingWay;

/// Settings of a listener's connections.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Name of the listener in metrics.
    pub listener: &'static str,
    /// Number of worker threads; `None` means one per core.
    pub workers: Option<NonZeroUsize>,
    /// Maximum number of connections of all workers. A further connection waits to be accepted.
    pub connections_max: usize,
    /// Time within which the head of a request must be complete.
    pub head_read: Duration,
    /// Time after which an idle connection is closed.
    pub keep_alive: Duration,
    /// Rules by which idle connections are closed to make room.
    pub giving_way: GivingWay,
    /// Time after which a connection is ended if nothing could be written to it. It must be longer
    /// than the longest regular time between two responses.
    pub silence: Duration,
    /// Maximum of bytes that are read for a request's body.
    pub body_bytes_max: usize,
    /// Time that requests in flight have to finish at shutdown.
    pub shutdown: Duration,
}
