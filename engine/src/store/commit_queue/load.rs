//! Load of the queue, by which its thread decides whether it lingers.

use std::time::Duration;

use crate::system::Stopwatch;

/// Time for which the thread lets units gather.
const LINGER: Duration = Duration::from_micros(500);
/// Largest age in seconds of the last group. An older one says nothing about the load.
const AGE_SECONDS_MAX: f64 = 0.005;

/// Load of a queue.
#[derive(Default)]
pub(super) struct Load {
    /// Time since the last group, if it had more than one unit.
    since: Option<Stopwatch>,
}

impl Load {
    /// Notes that a group of this many units has ended.
    pub(super) fn note(&mut self, units: usize) {
        self.since = (units > 1).then(Stopwatch::start);
    }

    /// Returns the time to linger before the next group is taken.
    pub(super) fn linger(&mut self) -> Option<Duration> {
        let since = self.since.take()?.seconds();
        (since < AGE_SECONDS_MAX).then_some(LINGER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_recent_group_of_several_units_makes_the_thread_linger_once() {
        let mut load = Load::default();
        assert_eq!(load.linger(), None, "before the first group");
        load.note(1);
        assert_eq!(load.linger(), None, "units come one at a time");
        load.note(2);
        assert_eq!(load.linger(), Some(LINGER));
        assert_eq!(load.linger(), None);
        load.note(2);
        std::thread::sleep(Duration::from_secs_f64(AGE_SECONDS_MAX));
        assert_eq!(load.linger(), None, "the group is old");
    }
}
