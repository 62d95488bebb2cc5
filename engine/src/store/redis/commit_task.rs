//! The one task that writes: the units that queued while a group was on its way are the next group.
//!
//! A group whose answer was lost is sent again until its result is known: its callers are told
//! after a while that it is unknown, and nothing is read meanwhile, so that nobody sees the state
//! before an end and is never told of the end. Queued units that were never sent are dropped when
//! their time is up. A unit that was answered before it is recorded is recorded in its turn, or
//! reported as lost.

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

/// Units in one group, at most: Redis does nothing else meanwhile.
pub(super) const GROUP_UNITS_MAX: usize = 128;
/// Units that wait, at most; one more is refused.
pub(super) const QUEUE_UNITS_MAX: usize = 16_384;
/// Queued units that are looked at for one group.
const LOOKAHEAD_UNITS: usize = 512;
/// Entries of indexes that may wait to be taken out while there is always something to record.
const SPENT_MAX: usize = 1_024;
pub(super) struct CommitTask {
    pub(super) link: Arc<Link>,
    pub(super) health: Arc<Health>,
    pub(super) retention: Retention,
    pub(super) journal: Journal,
    /// The number of the last attempt.
    pub(super) attempt: u64,
    /// The last attempt that Redis is known to remember.
    pub(super) base: u64,
    /// Orders the actions that are new.
    pub(super) order: u64,
    /// True if scripts are sent whole, for one attempt.
    pub(super) whole: bool,
    /// Entries of indexes to be taken out.
    pub(super) spent: Vec<(&'static str, String)>,
    /// Entries of indexes to be looked at.
    pub(super) unchecked: HashSet<Entry>,
    jobs: mpsc::Receiver<Job>,
    backlog: VecDeque<Queued>,
    /// Since when the store is being closed.
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

    /// Records until the store is closed, then the rest of the queue, and gives the lock back.
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

    /// Free places for units that wait. Units that were answered early have a bound of their own.
    fn room(&self) -> usize {
        QUEUE_UNITS_MAX + self.health.lag.unwritten().records
    }

    /// The next units, one of an account: only then does the id of the last commit tell whether a
    /// unit that is sent again was recorded.
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

    /// Sends a wave until its result is known.
    async fn settle(&mut self, mut wave: Vec<Queued>) {
        let watch = Stopwatch::start();
        let units = u32::try_from(wave.len()).map_or(f64::MAX, f64::from);
        histogram!(telemetry::STORE_COMMIT_UNITS).record(units);
        // True once the wave was sent, and may have been recorded.
        let mut sent = false;
        loop {
            let before = sent;
            let Err(trouble) = self.record(&mut wave, &mut sent).await else { break };
            match trouble {
                Trouble::Fenced => {
                    // Callers get their answer before the process ends, with the lost ownership as
                    // its reason.
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
                // The wave is still in doubt: until its answer nothing may be read, or answered
                // early.
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

    /// Answers those whose time is up. The answer is whether the wave is given up: it was never
    /// sent, or the store is being closed.
    fn expire(&mut self, wave: &mut Vec<Queued>, sent: bool) -> bool {
        let room = self.room();
        while self.backlog.len() < room {
            match self.jobs.try_recv() {
                Ok(Job::Record(queued)) => self.backlog.push_back(queued),
                // The job is dropped: its caller gets an error, and periodic jobs come again.
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

    /// Answers those in the backlog whose time is up, and takes them out.
    fn answer_late(&mut self) {
        let wait = self.wait.as_secs_f64();
        self.backlog.retain_mut(|queued| !queued.answered_late(wait));
    }

    /// Answers a unit, or compares its early answer with its result.
    pub(super) fn tell(&self, mut queued: Queued, answer: Result<Said, StoreError>) {
        match queued.told {
            Some(number) => {
                let is_recorded = answer.is_ok_and(|(word, _)| word == RECORDED);
                self.health.confirm(number, is_recorded);
            }
            None => queued.answer(answer),
        }
    }

    /// Puts a wave back of which nothing is recorded. Waiting callers are told so; answered units
    /// go first again.
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

    /// Answers everybody of a wave. If something of it was answered, that is lost, and so is all
    /// that was answered after it.
    fn give_up(&mut self, wave: Vec<Queued>, error: &StoreError) {
        let mut wave = wave;
        if wave.iter().any(|queued| queued.told.is_some()) {
            wave.extend(self.backlog.drain(..));
            let lost = self.health.lag.unwritten().records;
            let why = format!("{lost} answered commits are lost: {error}");
            if self.health.is_over() {
                // A store that is over keeps its first reason; the log names this one too.
                tracing::error!("{why}");
            }
            self.health.broke(&why);
        }
        for mut queued in wave {
            // Answered units are given up already, all of them.
            queued.answer(Err(error.clone()));
        }
    }

    /// For how long the store is being closed, if it is.
    fn closing_seconds(&mut self) -> Option<f64> {
        if !self.jobs.is_closed() {
            return None;
        }
        Some(self.closing.get_or_insert_with(Stopwatch::start).seconds())
    }
}
