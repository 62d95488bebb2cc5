//! The partitions as this server knows them: the epoch in which each was opened, and the highest
//! sequence that was acknowledged in it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use redis::{Cmd, Value};

use super::keys::{PARTITIONS, Partition};
use super::reply::{array, text};
use super::trouble::Trouble;
use crate::store::lock;

/// A partition as it was when a call was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// Epoch and Redis process, as the field `guard` has them. Empty before the first opening.
    pub(super) guard: Arc<str>,
    /// Highest sequence that was acknowledged.
    pub(super) acked: u64,
    /// The guard under which the latest commit was acknowledged, or the first one.
    pub(super) witness: Arc<str>,
    /// Reason for which the partition is closed.
    pub(super) closed: Option<Arc<str>>,
}

/// All partitions.
pub(super) struct Partitions {
    known: Mutex<Vec<Known>>,
    /// Number of closed partitions.
    closed: AtomicUsize,
}

impl Partitions {
    pub(super) fn new() -> Self {
        let known = Mutex::new(vec![Known::default(); PARTITIONS]);
        Self { known, closed: AtomicUsize::new(0) }
    }

    pub(super) fn known(&self, partition: Partition) -> Known {
        lock(&self.known)[partition.index()].clone()
    }

    /// Replaces what is known of a partition, after it was opened.
    pub(super) fn set(&self, partition: Partition, known: Known) {
        let mut all = lock(&self.known);
        all[partition.index()] = known;
        let closed = all.iter().filter(|known| known.closed.is_some()).count();
        self.closed.store(closed, Ordering::Release);
    }

    /// Notes an acknowledged commit.
    pub(super) fn acknowledge(&self, partition: Partition, sequence: u64) {
        let known = &mut lock(&self.known)[partition.index()];
        known.acked = sequence.max(known.acked);
        known.witness = Arc::clone(&known.guard);
    }

    /// Tells whether a partition is closed.
    pub(super) fn is_any_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire) > 0
    }

    /// Returns the reason for which a partition is closed, with the number of closed ones.
    pub(super) fn closed(&self) -> Option<(Arc<str>, usize)> {
        let known = lock(&self.known);
        let mut closed = known.iter().filter_map(|known| known.closed.clone());
        closed.next().map(|why| (why, closed.count() + 1))
    }
}

impl Known {
    /// Makes the command that reads a partition's state for [`Self::check`]. It has to be the last
    /// command of a pipeline.
    pub(super) fn asked(partition: Partition) -> Cmd {
        let mut cmd = redis::cmd("HMGET");
        cmd.arg(partition.state()).arg("guard").arg("seq").arg("lost");
        cmd
    }

    /// Tells whether the partition was opened on this Redis process.
    pub(super) fn is_on(&self, server: &str) -> bool {
        self.guard.split_once(' ').is_some_and(|(_, process)| process == server)
    }

    /// Checks the reply to [`Self::asked`]: the answers of its pipeline count only if the partition
    /// is in the known epoch, and has every acknowledged commit.
    pub(super) fn check(&self, state: Value) -> Result<(), Trouble> {
        if let Some(why) = &self.closed {
            return Err(Trouble::Refused(why.to_string()));
        }
        let mut state = array(state)?.into_iter();
        let mut next = || text(state.next().unwrap_or(Value::Nil));
        let (guard, sequence, lost) = (next()?, next()?, next()?);
        let Some(sequence) = sequence.and_then(|text| text.parse::<u64>().ok()) else {
            return Err(Trouble::Absent);
        };
        if guard.as_deref() != Some(&*self.guard) || lost.is_some() {
            return Err(Trouble::Moved);
        }
        if sequence < self.acked { Err(Trouble::Rolled) } else { Ok(()) }
    }
}
