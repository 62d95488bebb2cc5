//! The line in which requests wait for their turn while their worker is late, what exists before
//! what is new.
//!
//! A worker's loop takes things as they come. Without a line, whoever is to be turned away waits
//! behind all the work of those who were let in; with it, a few of these begin in each round of the
//! loop, and the rest of a round goes to finding out who has come. It keeps no time and wakes
//! nobody.

use std::collections::VecDeque;

use tokio::sync::oneshot;

use super::Lane;

/// Requests that begin in one round, at most: about a millisecond of work.
const ROUND: usize = 8;

/// A request that waits.
struct Waiting {
    since_us: u64,
    turn: oneshot::Sender<()>,
}

/// Who waits.
#[derive(Default)]
pub(super) struct Line {
    existing: VecDeque<Waiting>,
    new: VecDeque<Waiting>,
}

impl Line {
    /// Waits for a turn.
    pub(super) fn join(&mut self, lane: Lane, now_us: u64) -> oneshot::Receiver<()> {
        let (turn, comes) = oneshot::channel();
        let line = match lane {
            Lane::Existing => &mut self.existing,
            Lane::New => &mut self.new,
        };
        line.push_back(Waiting { since_us: now_us, turn });
        comes
    }

    /// Whether nobody waits.
    pub(super) fn is_empty(&self) -> bool {
        self.existing.is_empty() && self.new.is_empty()
    }

    /// Lets those in front begin. The longest that anybody has waited until now; 0 if nobody waits.
    pub(super) fn round(&mut self, now_us: u64) -> u64 {
        let mut waited_us = 0;
        for line in [&mut self.existing, &mut self.new] {
            // Whoever has left takes no turn.
            while line.front().is_some_and(|first| first.turn.is_closed()) {
                line.pop_front();
            }
            let since_us = line.front().map_or(now_us, |first| first.since_us);
            waited_us = waited_us.max(now_us.saturating_sub(since_us));
        }
        let mut begun = 0;
        while begun < ROUND
            && let Some(first) = self.existing.pop_front().or_else(|| self.new.pop_front())
        {
            begun += usize::from(first.turn.send(()).is_ok());
        }
        waited_us
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(line: &mut Line, lane: Lane, count: u64) -> Vec<oneshot::Receiver<()>> {
        (0..count).map(|at| line.join(lane, at)).collect()
    }

    fn begun(line: &mut [oneshot::Receiver<()>]) -> usize {
        line.iter_mut().map(oneshot::Receiver::try_recv).filter(Result::is_ok).count()
    }

    #[test]
    fn a_few_begin_in_each_round_in_their_order() {
        let mut line = Line::default();
        let mut waiting = joined(&mut line, Lane::Existing, 10);
        assert_eq!(line.round(100), 100, "the first has waited longest");
        assert_eq!((begun(&mut waiting[..8]), begun(&mut waiting[8..])), (8, 0));
        assert!(!line.is_empty());
        assert_eq!(line.round(100), 92);
        assert_eq!(begun(&mut waiting[8..]), 2);
        assert!(line.is_empty());
        assert_eq!(line.round(100), 0);
    }

    #[test]
    fn what_exists_begins_before_what_is_new() {
        let mut line = Line::default();
        let mut new = joined(&mut line, Lane::New, 8);
        let mut existing = joined(&mut line, Lane::Existing, 8);
        line.round(0);
        let mut later = joined(&mut line, Lane::Existing, 1);
        assert_eq!((begun(&mut existing), begun(&mut new)), (8, 0));
        assert_eq!(line.round(100), 100, "who waits longest for a turn counts");
        assert_eq!((begun(&mut later), begun(&mut new)), (1, 7));
    }

    #[test]
    fn who_has_left_takes_no_turn() {
        let mut line = Line::default();
        drop(joined(&mut line, Lane::Existing, 20));
        let mut stayed = joined(&mut line, Lane::Existing, 1);
        line.round(0);
        assert_eq!(begun(&mut stayed), 1);
        drop(joined(&mut line, Lane::New, 1));
        assert_eq!(line.round(100), 0);
    }
}
