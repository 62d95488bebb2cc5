//! Log lines about the progress of a conversion.

use std::time::Duration;

use tokio::time::Instant;

/// Shortest time between two log lines.
const INTERVAL: Duration = Duration::from_secs(5);
/// Number of records between two looks at the clock.
const RECORDS: usize = 1024;

/// The number of converted records.
pub(super) struct Progress {
    began: Instant,
    said: Instant,
    done: u64,
    since_look: usize,
    all: u64,
}

impl Progress {
    pub(super) fn of(all: u64) -> Self {
        let now = Instant::now();
        Self { began: now, said: now, done: 0, since_look: 0, all }
    }

    /// Counts records. Logs the numbers once in an interval.
    pub(super) fn count(&mut self, records: usize) {
        self.done += records as u64;
        self.since_look += records;
        if self.since_look < RECORDS {
            return;
        }
        self.since_look = 0;
        if self.said.elapsed() >= INTERVAL {
            self.said = Instant::now();
            tracing::info!("{} of {} records are converted", self.done, self.all);
        }
    }

    /// Returns the number of records that were counted beforehand and not met.
    pub(super) fn missing(&self) -> u64 {
        self.all.saturating_sub(self.done)
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }
}
