//! The one task that writes to Redis. It sends units in groups; all units that arrive while a group
//! is under way can join the next one.
//!
//! If the reply to a group is lost, the task sends the group again until its result is known.
//! Callers that have waited for `wait` get an error that says that the result is unknown. Until the
//! result is known nothing is read, so that no reader gets a challenge as open that has ended. A
//! queued unit that was never sent is dropped once its caller has waited too long. A unit that was
//! answered before it is recorded stays queued until it is recorded, or is reported as lost.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use countersign_core::time::UnixMillis;
use metrics::histogram;
use tokio::sync::mpsc;

use super::Retention;
use super::entry::Entry;
use super::health::Health;
use super::job::{CLOSING_SECONDS, Job, PAUSE, Queued, Reply, late};
use super::journal::Journal;
use super::link::Link;
use super::reply::{RECORDED, Said};
use super::trouble::{FENCED, Trouble};
use crate::ports::store::StoreError;
use crate::store::refused;
use crate::system::Stopwatch;
use crate::telemetry;

/// Largest number of units in one group. Redis runs nothing else while it runs a group.
pub(super) const GROUP_UNITS_MAX: usize = 128;
/// Largest number of waiting units. The store refuses any more.
pub(super) const QUEUE_UNITS_MAX: usize = 16_384;
/// Largest number of queued units that are examined for one group.
const LOOKAHEAD_UNITS: usize = 512;
/// Number of spent index entries above which they are removed even if units wait.
const SPENT_MAX: usize = 1_024;
pub(super) struct CommitTask {
    pub(super) link: Arc<Link>,
    pub(super) health: Arc<Health>,
    pub(super) retention: Retention,
    pub(super) journal: Journal,
    /// Number of the latest attempt. Every group that is sent, and every repetition, is an attempt.
    pub(super) attempt: u64,
    /// The latest attempt that Redis is known to have recorded.
    pub(super) base: u64,
    /// Number for the next new action. It orders actions with the same time.
    pub(super) order: u64,
    /// True if the next attempt sends whole scripts instead of their hashes.
    pub(super) whole: bool,
    /// Index entries, as pairs of index and member, that are no longer needed and have to be
    /// removed.
    pub(super) spent: Vec<(&'static str, String)>,
    /// Index entries that may have no record, and have to be checked.
    pub(super) unchecked: HashSet<Entry>,
    jobs: mpsc::Receiver<Job>,
    backlog: VecDeque<Queued>,
    /// Time since the store began to close.
    closing: Option<Stopwatch>,
    prunes: VecDeque<(UnixMillis, UnixMillis, Reply<u64>)>,
    wait: Duration,
}

impl CommitTask {
    pub(super) fn new(
        link: Arc<Link>,
        health: Arc<Health>,
        jobs: mpsc::Receiver<Job>,
        retention: Retention,
        wait: Duration,
    ) -> Self {
        let found = health.owner.found;
        Self {
            link,
            retention,
            journal: Journal::after(found),
            attempt: found,
            base: found,
            order: health.owner.first_order(),
            health,
            whole: false,
            spent: Vec::new(),
            unchecked: HashSet::new(),
            jobs,
            backlog: VecDeque::new(),
            closing: None,
            prunes: VecDeque::new(),
            wait,
        }
    }

    /// Runs jobs until the store is closed and its queue is empty, then releases the lock.
    pub(super) async fn run(mut self) {
        loop {
            if self.backlog.is_empty() {
                self.keep_house().await;
                let Some(job) = self.jobs.recv().await else { break };
                self.take(job).await;
            }
            self.take_queued().await;
            if self.health.is_over() {
                let rest = self.backlog.drain(..).collect();
                self.give_up(rest, &self.health.check().err().unwrap_or(StoreError::Closed));
                continue;
            }
            let wave = self.next_wave();
            if !wave.is_empty() {
                self.settle(wave).await;
            }
            if self.spent.len() > SPENT_MAX {
                self.keep_house().await;
            }
        }
        if self.health.check().is_ok() {
            self.health.owner.release(&self.link).await;
        }
    }

    async fn keep_house(&mut self) {
        while let Some((actions, challenges, reply)) = self.prunes.pop_front() {
            let pruned = self.prune(actions, challenges).await;
            let _ = reply.send(pruned.map_err(StoreError::from));
        }
        if let Err(trouble) = self.tidy().await {
            tracing::debug!(?trouble, "entries of indexes are left for later");
        }
    }

    async fn take(&mut self, job: Job) {
        match job {
            Job::Record(queued) => self.backlog.push_back(queued),
            Job::Prune { actions_before, challenges_before, reply } => {
                self.prunes.push_back((actions_before, challenges_before, reply));
            }
            Job::Check(entries) => self.unchecked.extend(entries),
            Job::Verify => self.verify().await,
        }
    }

    async fn take_queued(&mut self) {
        let room = self.room();
        while self.backlog.len() < room {
            let Ok(job) = self.jobs.try_recv() else { break };
            self.take(job).await;
        }
    }

    /// Returns the largest number of units in the backlog. [`QUEUE_UNITS_MAX`] of them may wait for
    /// an answer. Units that were answered early are added to that, because a separate bound limits
    /// them.
    fn room(&self) -> usize {
        QUEUE_UNITS_MAX + self.health.lag.unwritten().records
    }

    /// Takes the next group from the backlog, with at most one unit for each account. Redis keeps
    /// only the id of an account's latest commit, so that with two of them it could not recognise
    /// the first when it is sent again.
    fn next_wave(&mut self) -> Vec<Queued> {
        let (mut wave, mut later) = (Vec::new(), VecDeque::new());
        let mut subjects = HashSet::new();
        for _ in 0..LOOKAHEAD_UNITS {
            if wave.len() >= GROUP_UNITS_MAX {
                break;
            }
            let Some(queued) = self.backlog.pop_front() else { break };
            if subjects.insert(queued.unit.subject()) {
                wave.push(queued);
            } else {
                later.push_back(queued);
            }
        }
        later.append(&mut self.backlog);
        self.backlog = later;
        wave
    }

    /// Sends a group until its result is known, or it is given up.
    async fn settle(&mut self, mut wave: Vec<Queued>) {
        let watch = Stopwatch::start();
        let units = u32::try_from(wave.len()).map_or(f64::MAX, f64::from);
        histogram!(telemetry::STORE_COMMIT_UNITS).record(units);
        // True once the group was sent and may have been recorded.
        let mut sent = false;
        loop {
            let before = sent;
            let Err(trouble) = self.record(&mut wave, &mut sent).await else { break };
            match trouble {
                Trouble::Fenced => {
                    // Callers get their answer, with the lost ownership as its reason, before the
                    // process ends.
                    self.give_up(wave, &Trouble::Fenced.into());
                    return self.health.broke(FENCED);
                }
                Trouble::Refused(why) if !before => {
                    self.health.refusing(&why);
                    return self.put_back(wave, &refused(&why)).await;
                }
                Trouble::Unreadable(why) if !before => {
                    return self.give_up(wave, &StoreError::Unreadable(why));
                }
                // The group may have been recorded in an earlier attempt. Until its result is
                // known, nothing is read or answered early.
                Trouble::Rolled => {
                    self.recover().await;
                }
                Trouble::Refused(why) | Trouble::Lost(why) | Trouble::Unreadable(why) => {
                    self.health.unsettled(&why);
                }
            }
            if self.expire(&mut wave, sent) {
                return self.give_up(wave, &late());
            }
            tokio::time::sleep(PAUSE).await;
        }
        histogram!(telemetry::STORE_COMMIT_SECONDS).record(watch.seconds());
    }

    /// Answers the callers that have waited too long. Returns true if the group has to be given up:
    /// no unit of it is left, or the store is closing and no caller waits for the group. A closing
    /// store retries units that were answered early for [`CLOSING_SECONDS`] before it gives them
    /// up.
    fn expire(&mut self, wave: &mut Vec<Queued>, sent: bool) -> bool {
        let room = self.room();
        while self.backlog.len() < room {
            match self.jobs.try_recv() {
                Ok(Job::Record(queued)) => self.backlog.push_back(queued),
                // The job is dropped. The caller of a pruning gets an error, and checks are queued
                // again later.
                Ok(Job::Prune { .. } | Job::Check(_) | Job::Verify) => {}
                Err(_) => break,
            }
        }
        self.answer_late();
        let wait = self.wait.as_secs_f64();
        wave.iter_mut().for_each(|queued| {
            queued.answered_late(wait);
        });
        if !sent {
            wave.retain(|queued| queued.caller.is_some() || queued.told.is_some());
        }
        let unanswered = wave.iter().any(|queued| queued.caller.is_some());
        let unwritten = wave.iter().any(|queued| queued.told.is_some());
        let closing = self.closing_seconds();
        wave.is_empty()
            || closing.is_some_and(|s| !unanswered && (!unwritten || s > CLOSING_SECONDS))
    }

    /// Answers the callers in the backlog that have waited too long, and removes their units.
    fn answer_late(&mut self) {
        let wait = self.wait.as_secs_f64();
        self.backlog.retain_mut(|queued| !queued.answered_late(wait));
    }

    /// Sends the result of a unit to its caller. If the caller was answered early, checks that the
    /// result is the same.
    pub(super) fn tell(&self, mut queued: Queued, answer: Result<Said, StoreError>) {
        match queued.told {
            Some(number) => {
                let is_recorded = answer.is_ok_and(|(word, _)| word == RECORDED);
                self.health.confirm(number, is_recorded);
            }
            None => queued.answer(answer),
        }
    }

    /// Handles a refused group, of which nothing was recorded. Waiting callers get the error. Units
    /// that were answered early return to the front of the backlog.
    async fn put_back(&mut self, wave: Vec<Queued>, error: &StoreError) {
        let (told, waiting): (Vec<_>, Vec<_>) = wave.into_iter().partition(|q| q.told.is_some());
        waiting.into_iter().for_each(|queued| self.tell(queued, Err(error.clone())));
        if told.is_empty() {
            return;
        }
        if self.closing_seconds().is_some_and(|seconds| seconds > CLOSING_SECONDS) {
            return self.give_up(told, error);
        }
        self.answer_late();
        told.into_iter().rev().for_each(|queued| self.backlog.push_front(queued));
        tokio::time::sleep(PAUSE).await;
    }

    /// Gives a group up: every caller of it gets the error. If a unit of the group was answered
    /// early, the store ends, the callers in the backlog get the error too, and all early answers
    /// that are not recorded are lost.
    fn give_up(&mut self, wave: Vec<Queued>, error: &StoreError) {
        let mut wave = wave;
        if wave.iter().any(|queued| queued.told.is_some()) {
            wave.extend(self.backlog.drain(..));
            let lost = self.health.lag.unwritten().records;
            let why = format!("{lost} answered commits are lost: {error}");
            if self.health.is_over() {
                // An ended store keeps its first reason, so this one is only logged.
                tracing::error!("{why}");
            }
            self.health.broke(&why);
        }
        for mut queued in wave {
            // Units that were answered early have no caller, and are reported as lost above.
            queued.answer(Err(error.clone()));
        }
    }

    /// Returns the seconds since the store began to close; none while it is open.
    fn closing_seconds(&mut self) -> Option<f64> {
        if !self.jobs.is_closed() {
            return None;
        }
        Some(self.closing.get_or_insert_with(Stopwatch::start).seconds())
    }
}
