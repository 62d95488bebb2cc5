//! The queue of checks, and the share of it that one worker takes: plain data, without threads.

use std::collections::VecDeque;

/// Maximum number of signatures in one batch: about 2 ms of work. A larger batch gains little per
/// signature, and delays every answer until its last signature is checked.
pub(super) const BATCH_MAX: usize = 128;
/// Maximum number of checks in one turn that can never be batched: about 1 ms of work. Turns are
/// short, because the callers get their answers at the end of a turn.
const ALONE_MAX: usize = 16;
/// Maximum number of checks in one turn that could be batched, but are not batched at present:
/// about 1 ms of work.
const UNBATCHED_MAX: usize = 32;

/// Queue of checks: two lanes, each in order of arrival, and the number of active workers.
pub(super) struct Queue<T> {
    batch: VecDeque<T>,
    alone: VecDeque<T>,
    workers: usize,
    workers_max: usize,
}

/// The jobs of one turn of a worker.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Turn<T> {
    /// Jobs whose signatures are checked by one equation.
    pub(super) batch: Vec<T>,
    /// Jobs whose signatures are checked one by one.
    pub(super) alone: Vec<T>,
}

impl<T> Queue<T> {
    pub(super) const fn new(workers_max: usize) -> Self {
        Self { batch: VecDeque::new(), alone: VecDeque::new(), workers: 0, workers_max }
    }

    /// Queues a job. Returns true if one more worker has to start. A worker takes turns until the
    /// queue is empty.
    pub(super) fn push(&mut self, job: T, batches: bool) -> bool {
        let lane = if batches { &mut self.batch } else { &mut self.alone };
        lane.push_back(job);
        let more = self.workers < self.workers_max;
        self.workers += usize::from(more);
        more
    }

    /// Takes the jobs of a worker's next turn. Returns `None` if the queue is empty; the worker
    /// then counts as stopped.
    ///
    /// Of the checks that batch, a turn takes all that are queued, up to [`BATCH_MAX`], because a
    /// batch costs little more than half of it would. Of the other checks it takes only the
    /// worker's share, so that idle workers help.
    pub(super) fn take(&mut self, batching: bool) -> Option<Turn<T>> {
        let mut alone = take_share(&mut self.alone, self.workers_max, ALONE_MAX);
        let batch = if batching {
            take_share(&mut self.batch, 1, BATCH_MAX)
        } else {
            alone.append(&mut take_share(&mut self.batch, self.workers_max, UNBATCHED_MAX));
            Vec::new()
        };
        if alone.is_empty() && batch.is_empty() {
            self.workers -= 1;
            return None;
        }
        Some(Turn { batch, alone })
    }
}

fn take_share<T>(lane: &mut VecDeque<T>, workers: usize, max: usize) -> Vec<T> {
    let count = lane.len().div_ceil(workers).min(max);
    lane.drain(..count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(workers_max: usize, batch: usize, alone: usize) -> Queue<usize> {
        let mut queue = Queue::new(workers_max);
        for job in 0..batch {
            queue.push(job, true);
        }
        for job in 0..alone {
            queue.push(1000 + job, false);
        }
        queue
    }

    #[test]
    fn as_many_workers_start_as_there_may_be_and_start_again_after_they_went() {
        let mut queue = Queue::new(2);
        assert_eq!([(); 3].map(|()| queue.push((), true)), [true, true, false]);
        assert!(queue.take(true).is_some());
        assert!(queue.take(true).is_none());
        assert!(queue.push((), true), "one has gone");
        assert!(!queue.push((), true), "and has been replaced");
    }

    #[test]
    fn a_worker_takes_what_has_come_up_to_a_whole_batch() {
        let mut queue = filled(2, BATCH_MAX + 6, 0);
        let sizes = [(); 2].map(|()| queue.take(true).unwrap().batch.len());
        assert_eq!(sizes, [BATCH_MAX, 6]);
        assert_eq!(queue.take(true), None);
    }

    #[test]
    fn a_single_job_does_not_wait_for_others() {
        assert_eq!(filled(2, 1, 0).take(true), Some(Turn { batch: vec![0], alone: vec![] }));
        assert_eq!(filled(2, 0, 1).take(true), Some(Turn { batch: vec![], alone: vec![1000] }));
    }

    #[test]
    fn jobs_that_do_not_batch_are_shared_out() {
        let mut queue = filled(4, 0, 6);
        let sizes = [(); 4].map(|()| queue.take(true).unwrap().alone.len());
        assert_eq!(sizes, [2, 1, 1, 1]);
        assert_eq!(filled(1, 0, 100).take(true).unwrap().alone.len(), ALONE_MAX);
    }

    #[test]
    fn without_batching_all_are_checked_alone_and_none_is_forgotten() {
        let mut queue = filled(1, 40, 40);
        let mut jobs = Vec::new();
        while let Some(turn) = queue.take(false) {
            assert!(turn.batch.is_empty());
            assert!(turn.alone.len() <= ALONE_MAX + UNBATCHED_MAX);
            jobs.extend(turn.alone);
        }
        jobs.sort_unstable();
        assert_eq!(jobs, (0..40).chain(1000..1040).collect::<Vec<_>>());
    }

    #[test]
    fn neither_lane_starves_the_other() {
        let turn = filled(1, 1000, 1000).take(true).unwrap();
        assert!(!turn.batch.is_empty() && !turn.alone.is_empty());
    }
}
