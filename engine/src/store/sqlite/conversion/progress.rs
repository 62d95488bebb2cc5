//! Log lines about the progress of a conversion.

use crate::system::Stopwatch;

/// Shortest time between two log lines, in seconds.
const INTERVAL_SECONDS: f64 = 5.0;
/// Number of records between two looks at the clock.
const RECORDS: usize = 1024;

/// The number of converted records.
pub(super) struct Progress {
    began: Stopwatch,
    said: Stopwatch,
    done: u64,
    since_look: usize,
    all: u64,
}

impl Progress {
    pub(super) fn of(all: u64) -> Self {
        let (began, said) = (Stopwatch::start(), Stopwatch::start());
        Self { began, said, done: 0, since_look: 0, all }
    }

    /// Counts records. Logs the numbers once in an interval.
    pub(super) fn count(&mut self, records: usize) {
        self.done += records as u64;
        self.since_look += records;
        if self.since_look < RECORDS {
            return;
        }
        self.since_look = 0;
        if self.said.seconds() >= INTERVAL_SECONDS {
            self.said = Stopwatch::start();
            tracing::info!("{} of {} records are converted", self.done, self.all);
        }
    }

    /// Returns the number of records that were counted beforehand and not met.
    pub(super) fn missing(&self) -> u64 {
        self.all.saturating_sub(self.done)
    }

    pub(super) fn seconds(&self) -> f64 {
        self.began.seconds()
    }
}
