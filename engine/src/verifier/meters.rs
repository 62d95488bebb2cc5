//! Metrics of the pool, looked up once, because every check is measured.

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use super::Verdict;
use crate::system::Stopwatch;
use crate::telemetry;

/// Lane in which a check ran.
#[derive(Clone, Copy)]
pub(super) enum Lane {
    Inline,
    Alone,
    Batch,
}

pub(super) struct Meters {
    /// Checks that are queued or running.
    pub(super) queue: Gauge,
    /// Signatures in one batch.
    pub(super) batch: Histogram,
    /// 1 while signatures are checked in batches, 0 otherwise.
    pub(super) batching: Gauge,
    lanes: [(Histogram, Counter); 3],
}

impl Meters {
    pub(super) fn new() -> Self {
        let lane = |lane: &'static str| {
            let seconds = histogram!(telemetry::VERIFY_SECONDS, "lane" => lane);
            (seconds, counter!(telemetry::VERIFY_FAILURES, "lane" => lane))
        };
        Self {
            queue: gauge!(telemetry::VERIFY_QUEUE),
            batch: histogram!(telemetry::VERIFY_BATCH_UNITS),
            batching: gauge!(telemetry::VERIFY_BATCHING),
            // In the order in which [`Lane`] declares them.
            lanes: [lane("here"), lane("alone"), lane("batch")],
        }
    }

    pub(super) fn checked(&self, verdict: &Verdict, lane: Lane, watch: Stopwatch) {
        let (seconds, failures) = &self.lanes[lane as usize];
        seconds.record(watch.seconds());
        if verdict.is_err() {
            failures.increment(1);
        }
    }
}
