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

use super::super::epochs::Epochs;
use super::super::health::Health;
use super::super::link::Link;
use super::super::reply::{RECORDED, Said};
use super::super::settings::Retention;
use super::super::trouble::{ABSENT, FENCED, ROLLED, Trouble};
use super::job::{CLOSING_SECONDS, Job, PAUSE, late};
use super::small::observe;
use super::unit::{Group, Waiting};
use crate::ports::store::StoreError;
use crate::store::refused;
use crate::system::Stopwatch;
use crate::telemetry;

/// Largest number of units in one group. Redis runs nothing else while it runs a group.
const GROUP_UNITS_MAX: usize = 128;
/// Largest number of waiting units. The store refuses any more.
pub(in crate::store::redis) const QUEUE_UNITS_MAX: usize = 16_384;
/// Largest number of queued units that are examined for one group.
const LOOKAHEAD_UNITS: usize = 512;

/// The task that writes.
pub(in crate::store::redis) struct Task {
    pub(super) link: Arc<Link>,
    pub(super) health: Arc<Health>,
    pub(super) epochs: Epochs,
    pub(super) retention: Retention,
    jobs: mpsc::Receiver<Job>,
    backlog: VecDeque<Waiting>,
    /// Time since the store began to close.
    closing: Option<Stopwatch>,
    wait: Duration,
}

impl Task {
    pub(in crate::store::redis) const fn new(
        link: Arc<Link>,
        health: Arc<Health>,
        epochs: Epochs,
        jobs: mpsc::Receiver<Job>,
        (retention, wait): (Retention, Duration),
    ) -> Self {
        let backlog = VecDeque::new();
        Self { link, health, epochs, retention, jobs, backlog, closing: None, wait }
    }

    /// Runs jobs until the store is closed and its queue is empty, then releases the lock.
    pub(in crate::store::redis) async fn run(mut self) {
        loop {
            if self.backlog.is_empty() {
                let Some(job) = self.jobs.recv().await else { break };
                self.take(job).await;
            }
            self.take_queued().await;
            if self.health.is_over() {
                let rest = self.backlog.drain(..).collect();
                self.give_up(rest, &self.health.check().err().unwrap_or(StoreError::Closed));
                continue;
            }
            let group = self.next_group();
            if !group.is_empty() {
                self.settle(group).await;
            }
        }
        if self.health.check().is_ok() {
            self.health.owner.release(&self.link).await;
        }
    }

    async fn take(&mut self, job: Job) {
        match job {
            Job::Record(unit) => self.backlog.push_back(unit),
            Job::Reopen => self.reopen().await,
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

    /// Opens the partitions again, and checks that Redis accepts writes.
    async fn reopen(&mut self) {
        if self.health.is_over() {
            return;
        }
        self.epochs.doubt();
        // An old connection may still name the process as it was.
        self.link.disconnect().await;
        // The recorded time never falls.
        let mut group = vec![Waiting::told(&observe(UnixMillis(0)), None)];
        match self.record(&mut group, &mut false).await {
            Ok(()) => {}
            Err(Trouble::Refused(why)) => self.health.refusing(&why),
            Err(trouble) => self.note_trouble(trouble),
        }
    }

    /// Takes the next group from the backlog, with at most one unit for each key. An account keeps
    /// the ids of its last commits alone, and the order of two units of one key matters.
    fn next_group(&mut self) -> Group {
        let (mut group, mut later) = (Group::new(), VecDeque::new());
        let mut records = HashSet::new();
        for _ in 0..LOOKAHEAD_UNITS {
            if group.len() >= GROUP_UNITS_MAX {
                break;
            }
            let Some(unit) = self.backlog.pop_front() else { break };
            let is_too_long = unit.is_long && group.iter().any(|other| other.is_long);
            // A later unit of the key of one that waits has to wait too.
            if records.insert(unit.record.clone()) && !is_too_long {
                group.push(unit);
            } else {
                later.push_back(unit);
            }
        }
        later.append(&mut self.backlog);
        self.backlog = later;
        group
    }

    /// Sends a group until its result is known, or it is given up.
    async fn settle(&mut self, mut group: Group) {
        let watch = Stopwatch::start();
        let units = u32::try_from(group.len()).map_or(f64::MAX, f64::from);
        histogram!(telemetry::STORE_COMMIT_UNITS).record(units);
        // True once the group was sent and may have been recorded.
        let mut sent = false;
        loop {
            let before = sent;
            let Err(trouble) = self.record(&mut group, &mut sent).await else { break };
            match trouble {
                Trouble::Fenced => {
                    // Callers get their answer, with the lost ownership as its reason, before the
                    // process ends.
                    self.give_up(group, &Trouble::Fenced.into());
                    return self.health.broke(FENCED);
                }
                Trouble::Refused(why) if !before => {
                    self.health.refusing(&why);
                    return self.put_back(group, &refused(&why)).await;
                }
                Trouble::Unreadable(why) if !before => {
                    return self.give_up(group, &StoreError::Unreadable(why));
                }
                // The group may have been recorded in an earlier attempt. Until its result is
                // known, nothing is read or answered early.
                trouble @ (Trouble::Lost(_)
                | Trouble::Refused(_)
                | Trouble::Moved
                | Trouble::Rolled
                | Trouble::Absent
                | Trouble::Unreadable(_)) => self.note_trouble(trouble),
            }
            if self.expire(&mut group, sent) {
                return self.give_up(group, &late());
            }
            tokio::time::sleep(PAUSE).await;
        }
        histogram!(telemetry::STORE_COMMIT_SECONDS).record(watch.seconds());
    }

    /// Notes that Redis cannot be used as it is.
    fn note_trouble(&mut self, trouble: Trouble) {
        match trouble {
            Trouble::Fenced => return self.health.broke(FENCED),
            Trouble::Moved => {}
            Trouble::Rolled => self.health.unsettled(ROLLED),
            Trouble::Absent => self.health.unsettled(ABSENT),
            Trouble::Refused(why) | Trouble::Lost(why) | Trouble::Unreadable(why) => {
                self.health.unsettled(&why);
            }
        }
        self.epochs.doubt();
    }

    /// Answers the callers that have waited too long. Returns true if the group has to be given up:
    /// no unit of it is left, or the store is closing and no caller waits for the group. A closing
    /// store retries units that were answered early for [`CLOSING_SECONDS`] before it gives them
    /// up.
    fn expire(&mut self, group: &mut Group, sent: bool) -> bool {
        let room = self.room();
        while self.backlog.len() < room {
            match self.jobs.try_recv() {
                Ok(Job::Record(unit)) => self.backlog.push_back(unit),
                Ok(Job::Reopen) => {}
                Err(_) => break,
            }
        }
        self.answer_late();
        let wait = self.wait.as_secs_f64();
        group.iter_mut().for_each(|unit| {
            unit.answered_late(wait);
        });
        if !sent {
            group.retain(Waiting::is_wanted);
        }
        let unanswered = group.iter().any(Waiting::has_caller);
        let unwritten = group.iter().any(|unit| unit.told.is_some());
        let closing = self.closing_seconds();
        group.is_empty()
            || closing.is_some_and(|s| !unanswered && (!unwritten || s > CLOSING_SECONDS))
    }

    /// Answers the callers in the backlog that have waited too long, and removes their units.
    fn answer_late(&mut self) {
        let wait = self.wait.as_secs_f64();
        self.backlog.retain_mut(|unit| !unit.answered_late(wait));
    }

    /// Sends the result of a unit to its caller. If the caller was answered early, checks that the
    /// result is the same.
    pub(super) fn tell(&self, mut unit: Waiting, answer: Result<Said, StoreError>) {
        match unit.told {
            Some(number) => {
                let is_recorded = answer.is_ok_and(|said| said.word == RECORDED);
                self.health.confirm(number, is_recorded);
            }
            None => unit.answer(answer),
        }
    }

    /// Handles a refused group, of which nothing was recorded. Waiting callers get the error. Units
    /// that were answered early return to the front of the backlog.
    async fn put_back(&mut self, group: Group, error: &StoreError) {
        let (told, waiting): (Vec<_>, Vec<_>) = group.into_iter().partition(|u| u.told.is_some());
        waiting.into_iter().for_each(|unit| self.tell(unit, Err(error.clone())));
        if told.is_empty() {
            return;
        }
        if self.closing_seconds().is_some_and(|seconds| seconds > CLOSING_SECONDS) {
            return self.give_up(told, error);
        }
        self.answer_late();
        told.into_iter().rev().for_each(|unit| self.backlog.push_front(unit));
        tokio::time::sleep(PAUSE).await;
    }

    /// Gives a group up: every caller of it gets the error. If a unit of the group was answered
    /// early, the store ends, the callers in the backlog get the error too, and all early answers
    /// that are not recorded are lost.
    fn give_up(&mut self, mut group: Group, error: &StoreError) {
        if group.iter().any(|unit| unit.told.is_some()) {
            group.extend(self.backlog.drain(..));
            let lost = self.health.lag.unwritten().records;
            let why = format!("{lost} answered commits are lost: {error}");
            if self.health.is_over() {
                // An ended store keeps its first reason, so this one is only logged.
                tracing::error!("{why}");
            }
            self.health.broke(&why);
        }
        for mut unit in group {
            // Units that were answered early have no caller, and are reported as lost above.
            unit.answer(Err(error.clone()));
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
