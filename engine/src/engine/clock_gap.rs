//! Log lines about a wall clock that was set, with the consequences.

use std::cmp::Ordering;

use crate::ports::Clock;

/// Largest difference between the clocks that is not logged, in milliseconds, because it disappears
/// within hours.
const SMALL_MS: u64 = 5_000;

/// The difference between the clocks that was logged last.
#[derive(Debug, Default)]
pub(super) struct ClockGap {
    /// Milliseconds by which the wall clock was ahead of the time of deadlines, negative if it was
    /// behind; 0 for a difference of [`SMALL_MS`] or less.
    told_ms: i64,
}

impl ClockGap {
    /// Reads both clocks, and logs their difference if it has become large, has become small, or
    /// has changed by more than [`SMALL_MS`]. A smaller change can come from slewing or from the
    /// time between the two readings.
    pub(super) fn look(&mut self, clock: &dyn Clock) {
        let (now, wall) = (clock.now(), clock.wall());
        let ahead_ms = wall.ms_since(now).cast_signed() - now.ms_since(wall).cast_signed();
        let gap_ms = if ahead_ms.unsigned_abs() > SMALL_MS { ahead_ms } else { 0 };
        let is_small_as_before = (gap_ms == 0) == (self.told_ms == 0);
        if is_small_as_before && gap_ms.abs_diff(self.told_ms) <= SMALL_MS {
            return;
        }
        self.told_ms = gap_ms;
        let by_ms = gap_ms.unsigned_abs();
        match gap_ms.cmp(&0) {
            Ordering::Equal => {
                tracing::info!("the wall clock and the time of deadlines agree again");
            }
            Ordering::Greater => tracing::warn!(
                by_ms,
                "the wall clock is ahead of the time of deadlines: nothing expires early, and the \
                 times that are recorded and shown are behind until the server is restarted"
            ),
            Ordering::Less => tracing::warn!(
                by_ms,
                "the wall clock is behind the time of deadlines: nothing lives longer, and the \
                 times that are recorded and shown are ahead until the server is restarted, which \
                 expires what is pending"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use countersign_core::time::UnixMillis;

    use super::*;

    struct Apart(u64, u64);

    impl Clock for Apart {
        fn now(&self) -> UnixMillis {
            UnixMillis(self.0)
        }

        fn wall(&self) -> UnixMillis {
            UnixMillis(self.1)
        }
    }

    #[test]
    fn a_difference_is_told_once_until_it_changes() {
        let mut gap = ClockGap::default();
        for (now, wall, told) in [
            (100_000, 105_000, 0),
            (100_000, 105_001, 5_001),
            (100_000, 110_000, 5_001),
            (100_000, 111_000, 11_000),
            (100_000, 100_000, 0),
            (100_000, 94_999, -5_001),
            (200_000, 194_000, -5_001),
        ] {
            gap.look(&Apart(now, wall));
            assert_eq!(gap.told_ms, told, "{now} {wall}");
        }
    }

    #[test]
    fn a_time_is_as_long_ago_on_the_wall_clock() {
        let at = UnixMillis(90_000);
        assert_eq!(Apart(100_000, 101_000).on_wall(at), at);
        assert_eq!(Apart(100_000, 500_000).on_wall(at), UnixMillis(490_000));
        assert_eq!(Apart(100_000, 50_000).on_wall(at), UnixMillis(40_000));
        assert_eq!(Apart(100_000, 5).on_wall(at), UnixMillis(0));
    }
}
