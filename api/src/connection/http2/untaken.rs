//! Responses that the peer has not read yet, each with its own deadline.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::connection::take_deadline::TakeDeadline;

/// Responses of one connection that have unsent bytes, by the number of their stream.
#[derive(Default)]
pub(super) struct Untaken(RefCell<HashMap<u32, UntakenAnswer>>);

struct UntakenAnswer {
    /// Bytes that wait for the peer; always above 0.
    waiting: usize,
    deadline: TakeDeadline,
    /// Time at which the peer last read some bytes, or at which the wait began.
    moved: Instant,
}

impl Untaken {
    /// Records that `bytes` more of a stream's response wait for the peer.
    pub(super) fn wait(&self, stream: u32, bytes: usize, now: Instant) {
        if bytes == 0 {
            return;
        }
        let mut answers = self.0.borrow_mut();
        let new = || UntakenAnswer { waiting: 0, deadline: TakeDeadline::new(now), moved: now };
        answers.entry(stream).or_insert_with(new).waiting += bytes;
    }

    /// Records that the peer read `bytes` of a stream's response.
    pub(super) fn taken(&self, stream: u32, bytes: usize, now: Instant) {
        if let Some(answer) = self.0.borrow_mut().get_mut(&stream) {
            answer.deadline.taken(bytes, now);
            answer.moved = now;
        }
        self.forget(stream, bytes);
    }

    /// Records that `bytes` of a stream's response no longer wait.
    pub(super) fn forget(&self, stream: u32, bytes: usize) {
        let mut answers = self.0.borrow_mut();
        if let Some(answer) = answers.get_mut(&stream) {
            answer.waiting = answer.waiting.saturating_sub(bytes);
            if answer.waiting == 0 {
                answers.remove(&stream);
            }
        }
    }

    /// Returns the number of responses that wait.
    pub(super) fn len(&self) -> usize {
        self.0.borrow().len()
    }

    /// Returns the earliest time by which the peer has to read more of a response. For each
    /// response it is `silence` after the peer last read some of it. If nothing else is in flight
    /// (`is_alone`), the response's own deadline applies too.
    pub(super) fn due(&self, silence: Duration, is_alone: bool) -> Option<Instant> {
        let due = |answer: &UntakenAnswer| {
            let silent = answer.moved + silence;
            if is_alone { silent.min(answer.deadline.at()) } else { silent }
        };
        self.0.borrow().values().map(due).min()
    }
}
