//! Deadline for a peer to read a response.

use std::time::Duration;

use tokio::time::Instant;

/// Longest time for which a peer may read nothing of a response that waits for it.
pub(super) const TAKE_SILENCE: Duration = Duration::from_secs(20);
/// Average bytes of a response that a peer must read each second.
pub(super) const TAKE_BYTES_PER_SECOND: u32 = 1024;

/// Time by which a peer must read more of a response that waits for it.
///
/// Every byte that the peer reads extends the deadline by 1/1024 second, to at most
/// [`TAKE_SILENCE`] from then. So a peer at the minimum rate never misses the deadline. A peer that
/// reads nothing misses it after [`TAKE_SILENCE`], and a peer below the minimum rate somewhat
/// later.
pub(super) struct TakeDeadline(Instant);

impl TakeDeadline {
    /// Starts the deadline at `now`, when the socket did not accept all bytes of a write.
    pub(super) fn new(now: Instant) -> Self {
        Self(now + TAKE_SILENCE)
    }

    pub(super) const fn at(&self) -> Instant {
        self.0
    }

    /// Extends the deadline, because the peer read `bytes` at `now`.
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

    /// Returns the time after which the deadline passes, for a peer that reads `bytes` every
    /// `every` seconds. Returns `None` if it never passes.
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
