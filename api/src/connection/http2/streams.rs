//! What the streams of one connection have under way.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;

use super::BODIES_MAX;
use super::frame_budget::FrameBudget;
use crate::connection::idle::Idleness;
use crate::connection::{REQUESTS_PER_CONNECTION_MAX, Settings};

/// The streams of one connection.
pub(super) struct Streams {
    begun: Cell<u32>,
    /// Told once as many have begun as a connection carries.
    spent: Notify,
    under_way: Cell<u32>,
    /// When an answer last made progress, or something began where nothing was under way.
    moved: Cell<Instant>,
    idleness: Idleness,
    since: Instant,
    frames: RefCell<FrameBudget>,
    /// Places for requests whose bodies have not ended.
    pub(super) bodies: Arc<Semaphore>,
}

impl Streams {
    pub(super) fn new(since: Instant, idleness: Idleness) -> Self {
        let bodies = Arc::new(Semaphore::new(BODIES_MAX));
        let (begun, under_way) = (Cell::default(), Cell::default());
        let (moved, frames) = (Cell::new(since), RefCell::new(FrameBudget::new()));
        let spent = Notify::new();
        Self { begun, spent, under_way, moved, idleness, since, frames, bodies }
    }

    /// Waits until as many requests have begun as a connection carries.
    pub(super) async fn spent(&self) {
        self.spent.notified().await;
    }

    pub(super) fn is_idle(&self) -> bool {
        self.under_way.get() == 0
    }

    /// Notes that frames have come that cost so much; answers whether the connection may go on.
    pub(super) fn spend(&self, frames: u32) -> bool {
        self.frames.borrow_mut().spend(frames, self.since.elapsed())
    }

    /// When the connection has been without a request, or without progress, for too long.
    pub(super) fn due(&self, with: &Settings) -> Instant {
        let patience = match (self.is_idle(), self.begun.get()) {
            (false, _) => with.silence,
            (true, 0) => with.head_read,
            (true, _) => with.keep_alive,
        };
        self.moved.get() + patience
    }
}

/// A stream that is answered, until its answer was handed on to the last byte.
pub(super) struct Stream(Rc<Streams>);

impl Stream {
    pub(super) fn begin(streams: &Rc<Streams>) -> Self {
        streams.begun.set(streams.begun.get().saturating_add(1));
        if streams.begun.get() == REQUESTS_PER_CONNECTION_MAX {
            streams.spent.notify_one();
        }
        streams.frames.borrow_mut().begin();
        let stream = Self(streams.clone());
        if streams.is_idle() {
            stream.moves();
        }
        streams.under_way.set(streams.under_way.get() + 1);
        streams.idleness.end();
        stream
    }

    /// Notes that some of the answer was taken.
    pub(super) fn moves(&self) {
        self.0.moved.set(Instant::now());
    }

    /// Notes that so many bytes of the answer were taken.
    pub(super) fn answers(&self, bytes: usize) {
        self.0.frames.borrow_mut().answer(bytes);
        self.moves();
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.0.under_way.set(self.0.under_way.get() - 1);
        self.moves();
        if self.0.is_idle() {
            self.0.idleness.begin(self.0.moved.get());
        }
    }
}
