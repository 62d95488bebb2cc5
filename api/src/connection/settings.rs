//! Settings of the connections of a listener.

use std::num::NonZeroUsize;
use std::time::Duration;

use super::idle::GivingWay;

/// Settings of connections.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The listener's name among the metrics.
    pub listener: &'static str,
    /// Worker threads; one per core where it is `None`.
    pub workers: Option<NonZeroUsize>,
    /// Connections of all workers, at most; the next waits to be accepted.
    pub connections_max: usize,
    /// Time for the head of a request.
    pub head_read: Duration,
    /// Time that an idle connection is kept.
    pub keep_alive: Duration,
    /// The way in which idle connections make room for others.
    pub giving_way: GivingWay,
    /// Time after which a connection on which nothing could be written is ended. It has to be
    /// longer than all that may lie between two answers.
    pub silence: Duration,
    /// Bytes that are read for a request's body.
    pub body_bytes_max: usize,
    /// Time that requests under way are given at the end.
    pub shutdown: Duration,
}
