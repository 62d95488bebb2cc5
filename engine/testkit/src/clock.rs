//! Clocks that a test can move and set.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_core::time::{Timeline, UnixMillis};
use countersign_engine::ports::Clock;
use countersign_engine::system::SystemClock;

/// A monotonic clock and a wall clock, and the timeline that a server derives from the two.
pub struct ManualClock {
    runs: bool,
    /// Milliseconds: the reading of a standing clock, or the time that was added to the system's
    /// clock.
    passed: AtomicU64,
    set_by: AtomicI64,
    timeline: Mutex<Timeline>,
}

impl ManualClock {
    /// Makes a clock that stands still until a test moves it.
    #[must_use]
    pub fn at(now: UnixMillis) -> Arc<Self> {
        Self::begin(false, now.0, 0)
    }

    /// Makes a clock that runs with the system's clock.
    #[must_use]
    pub fn running() -> Arc<Self> {
        Self::wrong_by(0)
    }

    /// Makes a running clock whose wall clock has been wrong by `ms` since before the start.
    #[must_use]
    pub fn wrong_by(ms: i64) -> Arc<Self> {
        Self::begin(true, 0, ms)
    }

    fn begin(runs: bool, passed: u64, set_by: i64) -> Arc<Self> {
        let timeline = Timeline::begin(Duration::ZERO, Duration::ZERO).into();
        let clock = Self { runs, passed: passed.into(), set_by: set_by.into(), timeline };
        let begun = Timeline::begin(clock.wall_reading(), clock.monotonic_reading());
        *clock.timeline.lock().unwrap() = begun;
        clock.into()
    }

    /// Moves the clock forward.
    pub fn pass(&self, ms: u64) {
        self.passed.fetch_add(ms, Ordering::SeqCst);
    }

    /// Moves a standing clock forward to `now`.
    pub fn pass_until(&self, now: UnixMillis) {
        assert!(!self.runs, "the time of a clock that runs is not chosen");
        self.passed.store(now.0, Ordering::SeqCst);
    }

    /// Sets the wall clock forward, or back if `ms` is negative.
    pub fn step(&self, ms: i64) {
        self.set_by.fetch_add(ms, Ordering::SeqCst);
    }

    fn monotonic_ms(&self) -> u64 {
        let system_ms = if self.runs { SystemClock.now().0 } else { 0 };
        system_ms + self.passed.load(Ordering::SeqCst)
    }

    fn monotonic_reading(&self) -> Duration {
        Duration::from_millis(self.monotonic_ms())
    }

    fn wall_reading(&self) -> Duration {
        Duration::from_millis(self.wall().0)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UnixMillis {
        // The clocks are read under the lock, so that a later call never uses an earlier reading.
        let mut timeline = self.timeline.lock().unwrap();
        timeline.at(self.wall_reading(), self.monotonic_reading())
    }

    fn wall(&self) -> UnixMillis {
        UnixMillis(self.monotonic_ms().saturating_add_signed(self.set_by.load(Ordering::SeqCst)))
    }
}

/// A clock whose timeline and wall clock have independent, fixed readings.
pub struct Apart {
    pub now: UnixMillis,
    pub wall: UnixMillis,
}

impl Clock for Apart {
    fn now(&self) -> UnixMillis {
        self.now
    }

    fn wall(&self) -> UnixMillis {
        self.wall
    }
}
