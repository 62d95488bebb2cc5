//! Units that were answered before they are recorded. They are recorded in their turn, or reported
//! as lost.

use super::commit_task::CommitTask;
use super::job::{CLOSING_SECONDS, PAUSE, Queued};
use super::reply::{RECORDED, Said};
use crate::ports::store::StoreError;
use crate::system::Stopwatch;

impl CommitTask {
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
    pub(super) async fn put_back(&mut self, wave: Vec<Queued>, error: &StoreError) {
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
    pub(super) fn give_up(&mut self, wave: Vec<Queued>, error: &StoreError) {
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
    pub(super) fn closing_seconds(&mut self) -> Option<f64> {
        if !self.jobs.is_closed() {
            return None;
        }
        Some(self.closing.get_or_insert_with(Stopwatch::start).seconds())
    }
}
