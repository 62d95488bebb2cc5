//! Counters of failed store calls by reason, with a limited number of log lines for each reason.

use std::sync::{Arc, Mutex};

use metrics::counter;

use super::lock;
use crate::ports::store::{Answer, StoreError};
use crate::system::Stopwatch;
use crate::telemetry;

/// Minimum seconds between two log lines about failures of one kind, because in an outage every
/// request fails.
const LINE_SECONDS: f64 = 10.0;

/// The failures of one store.
#[derive(Default)]
pub(super) struct Failures {
    busy: Mutex<Kind>,
    unavailable: Mutex<Kind>,
    unreadable: Mutex<Kind>,
}

/// Failures of one kind.
#[derive(Default)]
struct Kind {
    total: u64,
    /// The total at the last log line, and the time of that line.
    logged: Option<(u64, Stopwatch)>,
}

impl Kind {
    /// Counts a failure. If a new log line is due, returns the number of failures since the last
    /// line.
    fn count(&mut self) -> Option<u64> {
        self.total += 1;
        let before = match &self.logged {
            Some((_, since)) if since.seconds() < LINE_SECONDS => return None,
            Some((before, _)) => *before,
            None => 0,
        };
        self.logged = Some((self.total, Stopwatch::start()));
        Some(self.total - before)
    }
}

impl Failures {
    /// Wraps an answer so that its error, if any, is counted and logged.
    pub(super) fn watch<T: 'static>(self: &Arc<Self>, answer: Answer<T>) -> Answer<T> {
        let failures = Arc::clone(self);
        Box::pin(async move { answer.await.inspect_err(|error| failures.note(error)) })
    }

    fn note(&self, error: &StoreError) {
        let (kind, reason) = match error {
            // Calls after the store was closed are no fault of the store.
            StoreError::Closed => return,
            StoreError::Busy(_) => (&self.busy, "busy"),
            StoreError::Unavailable(_) => (&self.unavailable, "unavailable"),
            StoreError::Unreadable(_) => (&self.unreadable, "unreadable"),
        };
        counter!(telemetry::STORE_FAILURES, "reason" => reason).increment(1);
        if let Some(calls) = lock(kind).count() {
            tracing::error!(%error, reason, calls, "calls of the store have failed");
        }
    }

    /// Counts a damaged record that a read skips. The read skips it so that one damaged record does
    /// not block all later ones.
    pub(super) fn passed_over(&self, error: &StoreError) {
        self.note(error);
        tracing::debug!(%error, "a damaged record is skipped");
    }

    /// Returns the number of calls that found an unreadable row.
    pub(super) fn unreadable(&self) -> u64 {
        lock(&self.unreadable).total
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::refused;

    #[tokio::test]
    async fn a_flood_of_failures_is_one_line_for_each_reason_and_all_are_counted() {
        let failures = Arc::new(Failures::default());
        let fail = |error| failures.watch::<()>(Box::pin(std::future::ready(Err(error))));
        for _ in 0..1_000 {
            assert_eq!(fail(refused("it is out")).await, Err(refused("it is out")));
        }
        assert_eq!(lock(&failures.unavailable).count(), None, "a line was written just now");
        assert_eq!(lock(&failures.unavailable).total, 1_001);
        assert_eq!(failures.unreadable(), 0);
        assert!(fail(StoreError::Closed).await.is_err());
        assert!(fail(StoreError::Unreadable("torn".to_owned())).await.is_err());
        assert_eq!(failures.unreadable(), 1);
        assert!(lock(&failures.unreadable).logged.is_some(), "another reason has its own line");
        assert!(lock(&failures.busy).logged.is_none());
    }
}
