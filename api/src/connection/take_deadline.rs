//! The time in which a peer has to take an answer.

use std::time::Duration;

use tokio::time::Instant;

/// Time that a peer may take nothing of an answer that waits for it.
pub(super) const TAKE_SILENCE: Duration = Duration::from_secs(20);
/// Bytes of an answer that a peer has to take in a second, on average.
pub(super) const TAKE_BYTES_PER_SECOND: u32 = 1024;

/// The time by which a peer has to take more of the answers that wait for it.
///
/// Every byte that it takes puts the time off by as much as it is allowed to take over that byte.
/// So a peer at the least rate never comes to the end, one that takes nothing comes to it after
/// [`TAKE_SILENCE`], and one that takes a trickle a little later.
pub(super) struct TakeDeadline(Instant);

impl TakeDeadline {
    /// Begins at `now`, when a peer did not take all that was written.
    pub(super) fn new(now: Instant) -> Self {
        Self(now + TAKE_SILENCE)
    }

    pub(super) const fn at(&self) -> Instant {
        self.0
    }

    /// Notes that the peer took `bytes` at `now`.
    pub(super) fn taken(&mut self, bytes: usize, now: Instant) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let earned = Duration::from_secs(bytes.into()) / TAKE_BYTES_PER_SECOND;
        self.0 = (self.0 + earned).min(now + TAKE_SILENCE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Time for which the server waits for a peer that reads `bytes` every `every` seconds.
    fn waited(bytes: usize, every: u32) -> Option<Duration> {
        let start = Instant::now();
        let mut deadline = TakeDeadline::new(start);
        for turn in 1..1000 {
            let now = start + SECOND * every * turn;
            if deadline.at() < now {
                return Some(deadline.at() - start);
            }
            deadline.taken(bytes, now);
        }
        None
    }

    #[test]
    fn a_peer_at_the_least_rate_is_waited_for_and_a_trickle_is_not() {
        assert_eq!(waited(0, 1), Some(TAKE_SILENCE));
        assert_eq!(waited(1024, 1), None);
        assert_eq!(waited(19 * 1024, 19), None);
        assert_eq!(waited(1 << 30, 21), Some(TAKE_SILENCE), "it takes much, and then nothing");
        let trickle = waited(512, 1).expect("half of what it should take");
        assert!(trickle <= 2 * TAKE_SILENCE, "{trickle:?}");
    }
}
