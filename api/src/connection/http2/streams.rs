//! Streams of one connection: their number, their progress and their deadlines.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;

use super::frame_budget::FrameBudget;
use super::untaken::Untaken;
use super::{BODIES_MAX, STREAMS_MAX};
use crate::connection::idle::Idleness;
use crate::connection::linger::LEAVE;
use crate::connection::{REQUESTS_PER_CONNECTION_MAX, Settings};

/// State of one connection's streams.
pub(super) struct Streams {
    begun: Cell<u32>,
    /// Notified when the connection has had its maximum number of requests.
    spent: Notify,
    under_way: Cell<usize>,
    untaken: Untaken,
    /// Time of GOAWAY.
    left: Cell<Option<Instant>>,
    /// Number of streams that began after GOAWAY and were accepted.
    late: Cell<u32>,
    /// Time at which a response last made progress, or at which the first open stream began.
    moved: Cell<Instant>,
    idleness: Idleness,
    since: Instant,
    frames: RefCell<FrameBudget>,
    /// Permits for requests whose bodies are incomplete.
    pub(super) bodies: Arc<Semaphore>,
}

impl Streams {
    pub(super) fn new(since: Instant, idleness: Idleness) -> Self {
        Self {
            begun: Cell::default(),
            spent: Notify::new(),
            under_way: Cell::default(),
            untaken: Untaken::default(),
            left: Cell::default(),
            late: Cell::default(),
            moved: Cell::new(since),
            idleness,
            since,
            frames: RefCell::new(FrameBudget::new()),
            bodies: Arc::new(Semaphore::new(BODIES_MAX)),
        }
    }

    /// Waits until the connection has had its maximum number of requests.
    pub(super) async fn spent(&self) {
        self.spent.notified().await;
    }

    pub(super) fn is_idle(&self) -> bool {
        self.under_way.get() == 0
    }

    /// Records that the server sent GOAWAY.
    pub(super) fn leave(&self, now: Instant) {
        self.left.set(Some(now));
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.left.get().is_some()
    }

    /// Returns true if a stream which begins now is refused: GOAWAY was sent too long ago, or too
    /// many streams began after it. Until then streams are accepted, because the client may not
    /// have read GOAWAY yet.
    fn refuses(&self, now: Instant) -> bool {
        let is_late = |left| now >= left + LEAVE || self.late.get() >= STREAMS_MAX;
        self.left.get().is_some_and(is_late)
    }

    /// Returns true if every open stream waits only for the peer to read its response.
    fn only_sends(&self) -> bool {
        self.untaken.len() >= self.under_way.get()
    }

    /// Updates the idleness. A connection whose streams only wait for the peer to read counts as
    /// idle, so that the server can close it if the peer does not read.
    fn settle(&self, now: Instant) {
        if self.only_sends() {
            self.idleness.begin(now);
        } else {
            self.idleness.end();
        }
    }

    /// Removes frames from the budget. Returns `false` if the connection has to end.
    pub(super) fn spend(&self, frames: u32) -> bool {
        self.frames.borrow_mut().spend(frames, self.since.elapsed())
    }

    /// Returns the time at which the connection has been idle, or without progress, for too long.
    ///
    /// A response that the peer does not read has its own deadline, even while other responses make
    /// progress. The deadline is later while other requests are in flight: a proxy shares the
    /// connection among its clients, so that one slow client must not end the polls of all others.
    pub(super) fn due(&self, with: &Settings) -> Instant {
        let patience = match (self.is_idle(), self.begun.get()) {
            (false, _) => with.silence,
            (true, 0) => with.head_read,
            (true, _) => with.keep_alive,
        };
        let due = self.moved.get() + patience;
        let take = self.untaken.due(with.silence, self.only_sends());
        take.map_or(due, |take| take.min(due))
    }
}

/// A stream with a request, until its whole response was sent.
pub(super) struct Stream {
    streams: Rc<Streams>,
    number: u32,
}

impl Stream {
    /// Records a new stream. Returns `None` if it is refused, because it began too long after
    /// GOAWAY. A refused stream adds no frames to the budget, and does not keep the connection
    /// open.
    pub(super) fn begin(streams: &Rc<Streams>, now: Instant) -> Option<Rc<Self>> {
        if streams.refuses(now) {
            return None;
        }
        if streams.is_leaving() {
            streams.late.set(streams.late.get() + 1);
        }
        let number = streams.begun.get().saturating_add(1);
        streams.begun.set(number);
        if number == REQUESTS_PER_CONNECTION_MAX {
            streams.spent.notify_one();
        }
        streams.frames.borrow_mut().begin();
        if streams.is_idle() {
            streams.moved.set(now);
        }
        streams.under_way.set(streams.under_way.get() + 1);
        streams.settle(now);
        Some(Rc::new(Self { streams: streams.clone(), number }))
    }

    /// Records bytes of the response that are ready and wait for the peer.
    pub(super) fn answers(&self, bytes: usize, now: Instant) {
        self.streams.frames.borrow_mut().answer(bytes);
        self.streams.untaken.wait(self.number, bytes, now);
        self.moves(now);
    }

    /// Records bytes that `hyper` could send, because the peer had room for them.
    pub(super) fn taken(&self, bytes: usize, now: Instant) {
        self.streams.untaken.taken(self.number, bytes, now);
        self.moves(now);
    }

    /// Records bytes that will not be sent.
    pub(super) fn forget(&self, bytes: usize) {
        self.streams.untaken.forget(self.number, bytes);
    }

    fn moves(&self, now: Instant) {
        self.streams.moved.set(now);
        self.streams.settle(now);
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.streams.under_way.set(self.streams.under_way.get() - 1);
        self.moves(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::connection::take_deadline::TAKE_SILENCE;
    use crate::connection::{OF_PUBLIC, Settings};

    const LONG: Duration = Duration::from_secs(150);
    const WITH: Settings = Settings {
        listener: "test",
        workers: None,
        connections_max: 1,
        head_read: LONG,
        keep_alive: LONG,
        giving_way: OF_PUBLIC,
        silence: LONG,
        body_bytes_max: 1,
        shutdown: LONG,
    };

    fn streams(since: Instant) -> Rc<Streams> {
        Rc::new(Streams::new(since, Idleness::default()))
    }

    #[test]
    fn an_answer_that_is_not_taken_is_due_although_others_make_progress() {
        let start = Instant::now();
        let streams = streams(start);
        let untaken = Stream::begin(&streams, start).unwrap();
        assert_eq!(streams.due(&WITH), start + LONG, "its route is not bounded so");
        untaken.answers(1, start);
        assert_eq!(streams.due(&WITH), start + TAKE_SILENCE);
        for second in 1..100 {
            let now = start + Duration::from_secs(second);
            let other = Stream::begin(&streams, now).unwrap();
            other.answers(8192, now);
            other.taken(8192, now);
        }
        assert_eq!(streams.due(&WITH), start + TAKE_SILENCE);
        let poll = Stream::begin(&streams, start).unwrap();
        assert_eq!(streams.due(&WITH), start + LONG, "the polls of others go on");
        drop(poll);
        assert_eq!(streams.due(&WITH), start + TAKE_SILENCE);
        untaken.taken(1, start);
        assert!(streams.due(&WITH) > start + TAKE_SILENCE);
    }

    #[test]
    fn an_answer_that_is_broken_off_is_not_waited_for() {
        let start = Instant::now();
        let streams = streams(start);
        let stream = Stream::begin(&streams, start).unwrap();
        stream.answers(8192, start);
        stream.taken(1, start);
        stream.forget(8191);
        assert_eq!(streams.due(&WITH), start + LONG);
    }

    #[test]
    fn few_streams_are_served_after_the_farewell_and_for_a_short_time() {
        let start = Instant::now();
        let streams = streams(start);
        streams.leave(start);
        let begin = |now| Stream::begin(&streams, now);
        let served: Vec<_> = (0..STREAMS_MAX).map_while(|_| begin(start)).collect();
        assert_eq!(served.len(), STREAMS_MAX as usize);
        assert!(begin(start).is_none());
        streams.late.set(0);
        assert!(begin(start + LEAVE).is_none());
    }
}
