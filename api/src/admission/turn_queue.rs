//! The queue in which requests wait for their turn while their worker is late, existing work before
//! new work.
//!
//! A worker's loop takes things as they come. Without a queue, a request that is to be rejected
//! waits behind all admitted work; with it, a few admitted requests begin in each round of the
//! loop, and the rest of a round goes to reading new ones. It keeps no time and wakes nobody.

use std::collections::VecDeque;

use tokio::sync::oneshot;

use super::Lane;

/// Requests that begin in one round, at least.
const ROUND: u64 = 8;
/// For so many microseconds that a round took, one more begins, so that admitted requests have a
/// fifth of the worker's time at least, however many are rejected. With half of it, rounds would
/// only get longer if rejections take the other half.
const ROUND_US: u64 = 500;
/// Number of turns of which one goes to new work, so that admitted new work makes progress.
const NEW_EVERY: u64 = 8;
/// Requests that wait, at most.
const WAITING_MAX: usize = 4096;

/// A request that waits.
struct Waiter {
    since_us: u64,
    turn: oneshot::Sender<()>,
}

/// The waiting requests.
#[derive(Default)]
pub(super) struct TurnQueue {
    existing: VecDeque<Waiter>,
    new: VecDeque<Waiter>,
}

impl TurnQueue {
    /// Waits for a turn, unless as many do as may.
    pub(super) fn join(&mut self, lane: Lane, now_us: u64) -> Option<oneshot::Receiver<()>> {
        if self.existing.len() + self.new.len() >= WAITING_MAX {
            return None;
        }
        let (turn, comes) = oneshot::channel();
        let queue = match lane {
            Lane::Existing => &mut self.existing,
            Lane::New => &mut self.new,
        };
        queue.push_back(Waiter { since_us: now_us, turn });
        Some(comes)
    }

    /// Tells whether nobody waits.
    pub(super) fn is_empty(&self) -> bool {
        self.existing.is_empty() && self.new.is_empty()
    }

    /// Lets those in front begin, after a round that took so long. The longest that anybody has
    /// waited until now; 0 if nobody waits.
    pub(super) fn round(&mut self, now_us: u64, took_us: u64) -> u64 {
        let mut waited_us = 0;
        for queue in [&mut self.existing, &mut self.new] {
            // A request whose client has left takes no turn.
            while queue.front().is_some_and(|first| first.turn.is_closed()) {
                queue.pop_front();
            }
            let since_us = queue.front().map_or(now_us, |first| first.since_us);
            waited_us = waited_us.max(now_us.saturating_sub(since_us));
        }
        let (mut begun, most) = (0, ROUND.max(took_us / ROUND_US));
        while begun < most
            && let Some(first) = self.next(begun % NEW_EVERY == NEW_EVERY - 1)
        {
            begun += u64::from(first.turn.send(()).is_ok());
        }
        waited_us
    }

    fn next(&mut self, new_first: bool) -> Option<Waiter> {
        if new_first {
            return self.new.pop_front().or_else(|| self.existing.pop_front());
        }
        self.existing.pop_front().or_else(|| self.new.pop_front())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(queue: &mut TurnQueue, lane: Lane, count: u64) -> Vec<oneshot::Receiver<()>> {
        (0..count).map(|at| queue.join(lane, at).unwrap()).collect()
    }

    fn begun(turns: &mut [oneshot::Receiver<()>]) -> usize {
        turns.iter_mut().map(oneshot::Receiver::try_recv).filter(Result::is_ok).count()
    }

    #[test]
    fn a_few_begin_in_each_round_in_their_order() {
        let mut queue = TurnQueue::default();
        let mut waiting = joined(&mut queue, Lane::Existing, 10);
        assert_eq!(queue.round(100, 0), 100, "the first has waited longest");
        assert_eq!((begun(&mut waiting[..8]), begun(&mut waiting[8..])), (8, 0));
        assert!(!queue.is_empty());
        assert_eq!(queue.round(100, 0), 92);
        assert_eq!(begun(&mut waiting[8..]), 2);
        assert!(queue.is_empty());
        assert_eq!(queue.round(100, 0), 0);
    }

    #[test]
    fn more_begin_after_a_round_that_took_long() {
        let mut queue = TurnQueue::default();
        let mut waiting = joined(&mut queue, Lane::Existing, 1000);
        queue.round(0, 75_000);
        assert_eq!(begun(&mut waiting), 150);
    }

    #[test]
    fn what_exists_begins_before_what_is_new_but_for_one_in_eight() {
        let mut queue = TurnQueue::default();
        let mut new = joined(&mut queue, Lane::New, 8);
        let mut existing = joined(&mut queue, Lane::Existing, 14);
        queue.round(0, 0);
        assert_eq!((begun(&mut existing), begun(&mut new)), (7, 1));
        assert_eq!(queue.round(100, 0), 99, "who waits longest for a turn counts");
        assert_eq!((begun(&mut existing), begun(&mut new)), (7, 1));
        queue.round(0, 0);
        assert_eq!(begun(&mut new), 6);
    }

    #[test]
    fn who_has_left_takes_no_turn() {
        let mut queue = TurnQueue::default();
        drop(joined(&mut queue, Lane::Existing, 20));
        let mut stayed = joined(&mut queue, Lane::Existing, 1);
        queue.round(0, 0);
        assert_eq!(begun(&mut stayed), 1);
        drop(joined(&mut queue, Lane::New, 1));
        assert_eq!(queue.round(100, 0), 0);
    }

    #[test]
    fn one_too_many_does_not_wait() {
        let mut queue = TurnQueue::default();
        let waiting = joined(&mut queue, Lane::Existing, WAITING_MAX as u64);
        assert!(queue.join(Lane::New, 0).is_none());
        queue.round(0, 0);
        assert!(queue.join(Lane::New, 0).is_some());
        drop(waiting);
    }
}
