//! Log lines about the progress of a conversion.

use std::time::{Duration, Instant};

/// Shortest time between two log lines.
const INTERVAL: Duration = Duration::from_secs(5);
/// Number of records between two looks at the clock.
const RECORDS: u64 = 1024;

/// The number of converted records.
pub(super) struct Progress {
    began: Instant,
    said: Instant,
    done: u64,
    all: u64,
}

impl Progress {
    pub(super) fn of(all: u64) -> Self {
        let now = Instant::now();
        Self { began: now, said: now, done: 0, all }
    }

    /// Counts a record. Logs the numbers once in an interval.
    pub(super) fn count(&mut self) {
        self.done += 1;
        if self.done % RECORDS == 0 && self.said.elapsed() >= INTERVAL {
            self.said = Instant::now();
            tracing::info!("{} of {} records are converted", self.done, self.all);
        }
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }
}
