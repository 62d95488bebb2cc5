//! Answers that wait to be taken, each with its own deadline.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::connection::take_deadline::TakeDeadline;

/// The answers of one connection of which the peer has not taken all that is ready, by stream.
#[derive(Default)]
pub(super) struct Untaken(RefCell<HashMap<u32, UntakenAnswer>>);

struct UntakenAnswer {
    /// Bytes that wait, always above 0.
    waiting: usize,
    deadline: TakeDeadline,
    /// Time at which the peer last took some, or the wait began.
    moved: Instant,
}

impl Untaken {
    /// Notes that `bytes` more of a stream's answer wait for the peer.
    pub(super) fn wait(&self, stream: u32, bytes: usize, now: Instant) {
        if bytes == 0 {
            return;
        }
        let mut answers = self.0.borrow_mut();
        let new = || UntakenAnswer { waiting: 0, deadline: TakeDeadline::new(now), moved: now };
        answers.entry(stream).or_insert_with(new).waiting += bytes;
    }

    /// Notes that the peer took `bytes` of a stream's answer.
    pub(super) fn taken(&self, stream: u32, bytes: usize, now: Instant) {
        if let Some(answer) = self.0.borrow_mut().get_mut(&stream) {
            answer.deadline.taken(bytes, now);
            answer.moved = now;
        }
        self.forget(stream, bytes);
    }

    /// Notes that `bytes` of a stream's answer do not wait any more.
    pub(super) fn forget(&self, stream: u32, bytes: usize) {
        let mut answers = self.0.borrow_mut();
        if let Some(answer) = answers.get_mut(&stream) {
            answer.waiting = answer.waiting.saturating_sub(bytes);
            if answer.waiting == 0 {
                answers.remove(&stream);
            }
        }
    }

    /// The number of answers that wait.
    pub(super) fn len(&self) -> usize {
        self.0.borrow().len()
    }

    /// The earliest time by which the peer has to take more of an answer: `silence` after it took
    /// the last of that answer, or by its deadline where nothing else is under way.
    pub(super) fn due(&self, silence: Duration, is_alone: bool) -> Option<Instant> {
        let due = |answer: &UntakenAnswer| {
            let silent = answer.moved + silence;
            if is_alone { silent.min(answer.deadline.at()) } else { silent }
        };
        self.0.borrow().values().map(due).min()
    }
}
