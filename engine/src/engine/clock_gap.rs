//! Logs that the wall clock was set, with the consequences.

use crate::ports::Clock;

/// A difference between the clocks that is made up for within hours, and worth no line.
const SMALL_MS: u64 = 5_000;

/// The difference that was told last.
#[derive(Debug, Default)]
pub(super) struct ClockGap {
    told: Gap,
}

/// Distance of the wall clock from the time of deadlines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Gap {
    #[default]
    Small,
    /// The wall clock was set forward by so many milliseconds.
    Forward(u64),
    /// It was set back by so many milliseconds.
    Back(u64),
}

impl Gap {
    fn of(clock: &dyn Clock) -> Self {
        let (now, wall) = (clock.now(), clock.wall());
        match (wall.ms_since(now), now.ms_since(wall)) {
            (ahead, _) if ahead > SMALL_MS => Self::Forward(ahead),
            (_, behind) if behind > SMALL_MS => Self::Back(behind),
            _ => Self::Small,
        }
    }

    /// Tells whether one difference equals the other, except for the slewing of the clocks and the
    /// time between their readings.
    const fn is_about(self, other: Self) -> bool {
        match (self, other) {
            (Self::Small, Self::Small) => true,
            (Self::Forward(a), Self::Forward(b)) | (Self::Back(a), Self::Back(b)) => {
                a.abs_diff(b) <= SMALL_MS
            }
            _ => false,
        }
    }
}

impl ClockGap {
    /// Looks at both clocks, and tells a difference that is new.
    pub(super) fn look(&mut self, clock: &dyn Clock) {
        let gap = Gap::of(clock);
        if gap.is_about(self.told) {
            return;
        }
        self.told = gap;
        match gap {
            Gap::Small => tracing::info!("the wall clock and the time of deadlines agree again"),
            Gap::Forward(by_ms) => tracing::warn!(
                by_ms,
                "the wall clock is ahead of the time of deadlines: nothing expires early, and the \
                 times that are recorded and shown are behind until the server is restarted"
            ),
            Gap::Back(by_ms) => tracing::warn!(
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
            (100_000, 105_000, Gap::Small),
            (100_000, 105_001, Gap::Forward(5_001)),
            (100_000, 110_000, Gap::Forward(5_001)),
            (100_000, 111_000, Gap::Forward(11_000)),
            (100_000, 100_000, Gap::Small),
            (100_000, 94_999, Gap::Back(5_001)),
            (200_000, 194_000, Gap::Back(5_001)),
        ] {
            gap.look(&Apart(now, wall));
            assert_eq!(gap.told, told, "{now} {wall}");
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
