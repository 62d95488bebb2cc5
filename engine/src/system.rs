//! The operating system's clocks and random source, which no other module reads, and the check of a
//! file's owner.

use std::cell::RefCell;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use countersign_core::time::{Timeline, UnixMillis};
use rustix::time::{ClockId, clock_gettime};
use zeroize::{Zeroize as _, Zeroizing};

use crate::ports::{Clock, Entropy};

/// The operating system's clocks. The process has one timeline: every value of this type returns
/// the same time.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixMillis {
        static TIMELINE: LazyLock<Mutex<Timeline>> =
            LazyLock::new(|| Mutex::new(Timeline::begin(wall(), monotonic())));
        let mut timeline = TIMELINE.lock().unwrap_or_else(PoisonError::into_inner);
        // Both clocks are read under the lock, so that a later call never adds an earlier reading.
        timeline.at(wall(), monotonic())
    }

    fn wall(&self) -> UnixMillis {
        UnixMillis(u64::try_from(wall().as_millis()).unwrap_or(u64::MAX))
    }
}

/// Returns the time of the wall clock since the Unix epoch; zero for a time before it.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
fn wall() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO)
}

/// Returns the time since the machine was started. On Linux it includes sleep, during which
/// `Instant` would stand still.
pub(crate) fn monotonic() -> Duration {
    #[cfg(target_os = "linux")]
    const COUNTS_SLEEP: ClockId = ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    const COUNTS_SLEEP: ClockId = ClockId::Monotonic;
    clock_gettime(COUNTS_SLEEP).try_into().unwrap_or(Duration::ZERO)
}

/// The operating system's random source. It is read 512 bytes at a time, because one system call
/// costs more than many bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        SUPPLY.with_borrow_mut(|supply| supply.take(bytes));
    }
}

thread_local! {
    static SUPPLY: RefCell<Supply> = RefCell::new(Supply::empty());
}

/// Buffer of one thread with random bytes that were not used yet.
struct Supply {
    bytes: Zeroizing<[u8; Self::BYTES]>,
    used: usize,
}

impl Supply {
    const BYTES: usize = 512;

    fn empty() -> Self {
        Self { bytes: Zeroizing::new([0; Self::BYTES]), used: Self::BYTES }
    }

    /// Copies unused bytes into `bytes`, and erases them from the buffer. A request for more than a
    /// quarter of the buffer's size is read from the operating system directly.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the random source")]
    fn take(&mut self, bytes: &mut [u8]) {
        const GIVES: &str = "the operating system gives random bytes";
        if bytes.len() > Self::BYTES / 4 {
            return getrandom::fill(bytes).expect(GIVES);
        }
        if self.used + bytes.len() > Self::BYTES {
            getrandom::fill(self.bytes.as_mut_slice()).expect(GIVES);
            self.used = 0;
        }
        let given = &mut self.bytes[self.used..][..bytes.len()];
        bytes.copy_from_slice(given);
        given.zeroize();
        self.used += bytes.len();
    }
}

/// Returns true if a file or folder belongs to the user of this process, or to the system's
/// administrator. Any other owner could change its mode and content at will.
#[must_use]
pub fn is_ours(file: &Metadata) -> bool {
    is_trusted(file.uid(), rustix::process::geteuid().as_raw())
}

const fn is_trusted(owner: u32, user: u32) -> bool {
    const ADMINISTRATOR: u32 = 0;
    owner == user || owner == ADMINISTRATOR
}

/// Stopwatch for the duration of some work.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts a measurement.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Returns the seconds since the start.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_two_clocks_of_a_process_begin_together_and_one_never_falls() {
        let mut last = SystemClock.now();
        assert!(SystemClock.wall().0.abs_diff(last.0) < 10_000, "{last:?}");
        for _ in 0..1000 {
            let now = SystemClock.now();
            assert!(now >= last);
            last = now;
        }
        assert!(monotonic() > Duration::ZERO);
    }

    #[test]
    fn no_random_bytes_are_given_twice() {
        let entropy: &dyn Entropy = &SystemEntropy;
        let given = std::iter::repeat_with(|| entropy.bytes::<24>()).take(500);
        assert_eq!(given.collect::<HashSet<_>>().len(), 500);
        assert_ne!(entropy.bytes::<300>(), [0; 300], "more at once than is kept");
        SUPPLY.with_borrow(|supply| {
            let given = &supply.bytes[..supply.used];
            assert!(given.iter().all(|byte| *byte == 0), "what is given is forgotten");
        });
    }

    #[test]
    fn only_the_user_of_the_process_and_the_administrator_are_trusted() {
        for (owner, user, trusted) in
            [(7, 7, true), (0, 7, true), (0, 0, true), (8, 7, false), (7, 0, false)]
        {
            assert_eq!(is_trusted(owner, user), trusted, "{owner} {user}");
        }
    }

    #[test]
    fn what_the_process_makes_is_its_own() {
        let file = tempfile::tempfile().unwrap();
        assert!(is_ours(&file.metadata().unwrap()));
    }
}
