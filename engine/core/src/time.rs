//! Points in time, arithmetic that cannot overflow, and a clock for deadlines that never runs back.

use std::time::Duration;

/// Milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UnixMillis(pub u64);

impl UnixMillis {
    /// Returns this time plus `ms` milliseconds, at most the highest time.
    #[must_use]
    pub const fn plus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Returns this time minus `ms` milliseconds, at least the epoch.
    #[must_use]
    pub const fn minus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_sub(ms))
    }

    /// Returns the milliseconds from `earlier` to this time; 0 if `earlier` is later.
    #[must_use]
    pub const fn ms_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Returns the whole seconds since the epoch.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.0 / 1000
    }
}

/// The clock for deadlines: it advances with a monotonic clock and never runs back.
///
/// The timeline begins at the wall clock's time. If the wall clock is stepped later, forward or
/// back, nothing expires early and nothing expired becomes valid, because the timeline approaches
/// the wall clock by [`Self::SLEW`] only. A lifetime of 15 minutes is then wrong by at most one
/// second, and a step of one second is corrected within 17 minutes. A step of hours remains for as
/// long as the process runs.
#[derive(Clone, Debug)]
pub struct Timeline {
    /// The timeline's time at the last reading of the wall clock, since the epoch.
    reached: Duration,
    /// The monotonic clock at the last reading.
    looked_at: Duration,
    /// Lead of the wall clock over the timeline at the last reading, or its lag if `behind`.
    gap: Duration,
    behind: bool,
}

impl Timeline {
    /// Divisor that limits the correction to a thousandth: in any interval, the timeline advances
    /// by at most `1 / SLEW` more or less than the monotonic clock, to approach the wall clock.
    pub const SLEW: u32 = 1000;
    /// Interval between readings of the wall clock.
    const LOOK: Duration = Duration::from_secs(1);

    /// Begins a timeline at the wall clock's time, given since the epoch. `monotonic` is the
    /// reading, since any moment, of a clock that nobody sets and that runs while the machine
    /// sleeps.
    #[must_use]
    pub const fn begin(wall: Duration, monotonic: Duration) -> Self {
        Self { reached: wall, looked_at: monotonic, gap: Duration::ZERO, behind: false }
    }

    /// Returns the time, computed from readings of both clocks. If the monotonic clock runs back,
    /// the timeline stands still.
    pub fn at(&mut self, wall: Duration, monotonic: Duration) -> UnixMillis {
        let passed = monotonic.saturating_sub(self.looked_at);
        let slewed = self.gap.min(passed / Self::SLEW);
        let now = self.reached.saturating_add(passed);
        let now = if self.behind { now.saturating_sub(slewed) } else { now.saturating_add(slewed) };
        if passed >= Self::LOOK {
            (self.reached, self.looked_at) = (now, monotonic);
            (self.gap, self.behind) = (wall.abs_diff(now), wall < now);
        }
        UnixMillis(u64::try_from(now.as_millis()).unwrap_or(u64::MAX))
    }
}

/// A start of a process at a time that is before times which an earlier process has recorded.
///
/// Nobody knows how much time has passed between the two processes. A token or challenge with a
/// time after the start is dated as if the earlier clock had stopped at its latest recorded time
/// and continued at the start. So it stays valid for the rest of its lifetime, and no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetBack {
    began: UnixMillis,
    by_ms: u64,
}

impl SetBack {
    /// Makes the set-back of a start at `began`, if `latest` is the highest time that was recorded
    /// before. `None` if `began` is not before `latest`.
    #[must_use]
    pub const fn of(latest: UnixMillis, began: UnixMillis) -> Option<Self> {
        // The difference is rounded up to whole seconds, because tokens have whole seconds.
        let by_ms = latest.ms_since(began).div_ceil(1000).saturating_mul(1000);
        if by_ms == 0 { None } else { Some(Self { began, by_ms }) }
    }

    /// Returns the time of the start.
    #[must_use]
    pub const fn began(self) -> UnixMillis {
        self.began
    }

    /// Converts a time that an earlier process recorded to the clock of this start.
    #[must_use]
    pub fn dated(self, at: UnixMillis) -> UnixMillis {
        if at <= self.began { at } else { at.minus_ms(self.by_ms).min(self.began) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WALL: Duration = Duration::from_secs(1_735_689_600);
    const SECOND: Duration = Duration::from_secs(1);
    const HOURS: Duration = Duration::from_secs(5 * 3600);
    const YEAR: Duration = Duration::from_secs(400 * 24 * 3600);

    /// A timeline, and the present readings of both clocks.
    struct Clocks {
        timeline: Timeline,
        wall: Duration,
        monotonic: Duration,
    }

    impl Clocks {
        fn begin() -> Self {
            let (wall, monotonic) = (WALL, Duration::from_secs(7));
            Self { timeline: Timeline::begin(wall, monotonic), wall, monotonic }
        }

        fn pass(&mut self, time: Duration) -> UnixMillis {
            self.wall += time;
            self.monotonic += time;
            self.now()
        }

        fn now(&mut self) -> UnixMillis {
            self.timeline.at(self.wall, self.monotonic)
        }
    }

    #[test]
    fn a_step_of_the_wall_clock_neither_passes_a_deadline_nor_takes_time_back() {
        for step in [SECOND, HOURS, YEAR] {
            for forward in [true, false] {
                let mut clocks = Clocks::begin();
                let before = clocks.pass(SECOND);
                clocks.wall = if forward { clocks.wall + step } else { clocks.wall - step };
                assert_eq!(clocks.now(), before, "{step:?} {forward}");
                let mut last = before;
                for tenths in 1..=9_000_u64 {
                    let now = clocks.pass(SECOND / 10);
                    assert!(now > last, "{step:?} {forward}");
                    last = now;
                    let wrong = now.0.abs_diff(before.plus_ms(tenths * 100).0);
                    assert!(wrong <= tenths * 100 / 1000 + 1, "{wrong} ms of {tenths} tenths");
                }
            }
        }
    }

    #[test]
    fn a_small_step_is_made_up_for_and_not_overdone() {
        for forward in [true, false] {
            let mut clocks = Clocks::begin();
            clocks.wall = if forward { clocks.wall + SECOND } else { clocks.wall - SECOND };
            clocks.pass(SECOND);
            for seconds in [900, 50, 40, 30, 4000] {
                clocks.pass(Duration::from_secs(seconds));
            }
            let wall = u64::try_from(clocks.wall.as_millis()).unwrap();
            assert!(clocks.now().0.abs_diff(wall) <= 1, "{forward}");
        }
    }

    #[test]
    fn a_clock_that_is_read_often_follows_as_fast_as_one_that_is_read_rarely() {
        let followed = |every: Duration, times: u32| {
            let mut clocks = Clocks::begin();
            clocks.wall += HOURS;
            clocks.pass(SECOND);
            for _ in 0..times {
                clocks.pass(every);
            }
            clocks.now()
        };
        let rarely = followed(SECOND * 100, 1);
        let often = followed(SECOND / 1000, 100_000);
        assert!(rarely.0.abs_diff(often.0) <= 1, "{rarely:?} {often:?}");
    }

    #[test]
    fn a_monotonic_clock_that_runs_back_stands_still() {
        let mut clocks = Clocks::begin();
        let before = clocks.pass(SECOND);
        clocks.monotonic = Duration::ZERO;
        assert_eq!(clocks.now(), before);
        assert_eq!(clocks.timeline.at(Duration::MAX, Duration::MAX), UnixMillis(u64::MAX));
    }

    #[test]
    fn what_an_ahead_clock_issued_has_the_rest_of_its_life_and_no_more() {
        let began = UnixMillis(1_000_000);
        assert_eq!(SetBack::of(began, began), None);
        assert_eq!(SetBack::of(UnixMillis(1), began), None);
        let latest = began.plus_ms(18_000_000);
        let set_back = SetBack::of(latest, began).unwrap();
        assert_eq!(set_back.began(), began);
        // A token that was issued 4 minutes before the latest recorded time is 4 minutes old at the
        // start.
        let old = set_back.dated(latest.minus_ms(240_000));
        assert_eq!(old, began.minus_ms(240_000));
        // The first token was issued after the latest recorded time, the second before the start.
        assert_eq!(set_back.dated(latest.plus_ms(3_000)), began);
        assert_eq!(set_back.dated(began.minus_ms(5)), began.minus_ms(5));
    }

    #[test]
    fn a_set_back_is_counted_in_whole_seconds_and_upward() {
        let began = UnixMillis(1_000_500);
        let set_back = SetBack::of(began.plus_ms(1), began).unwrap();
        assert_eq!(set_back.dated(began.plus_ms(1)), began.minus_ms(999));
    }

    #[test]
    fn arithmetic_stops_at_both_ends() {
        assert_eq!(UnixMillis(u64::MAX).plus_ms(1), UnixMillis(u64::MAX));
        assert_eq!(UnixMillis(3).minus_ms(5), UnixMillis(0));
        assert_eq!(UnixMillis(3).ms_since(UnixMillis(5)), 0);
        assert_eq!(UnixMillis(1999).seconds(), 1);
    }
}
