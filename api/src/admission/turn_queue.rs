//! Turn queue: requests wait in it while their worker is late. Existing work is started before new
//! work.
//!
//! A worker's event loop runs tasks in the order in which they arrive. Without the queue, a request
//! that will be rejected waits behind all admitted work. With it, a few admitted requests start in
//! each round of the loop, and the other time of a round serves to read new requests. This module
//! reads no clock: the caller passes the time, and calls `round` once in each round.

use std::collections::VecDeque;

use tokio::sync::oneshot;

use super::Lane;

/// Minimum number of requests that start in one round.
const ROUND: u64 = 8;
/// For each 500 microseconds that the last round took, one request starts, so that admitted
/// requests get at least a fifth of the worker's time, however many are rejected. Half of the time
/// would be too much: if rejections take the other half, rounds only get longer.
const ROUND_US: u64 = 500;
/// One turn in eight is for new work, so that admitted new work makes progress.
const NEW_EVERY: u64 = 8;
/// Maximum number of waiting requests.
const WAITING_MAX: usize = 4096;

/// A waiting request.
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
    /// Adds a request to the queue and returns its turn. Returns `None` if the queue is full.
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

    /// Returns true if no request waits.
    pub(super) fn is_empty(&self) -> bool {
        self.existing.is_empty() && self.new.is_empty()
    }

    /// Starts the first requests of the queue, after a round that took `took_us` microseconds.
    /// Returns the longest time that a request has waited until now, in microseconds, or 0 if none
    /// waits.
    pub(super) fn round(&mut self, now_us: u64, took_us: u64) -> u64 {
        let mut waited_us = 0;
        for queue in [&mut self.existing, &mut self.new] {
            // A request whose client has disconnected takes no turn.
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
