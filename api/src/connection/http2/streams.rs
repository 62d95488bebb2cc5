//! What the streams of one connection have under way.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::BODIES_MAX;
use crate::connection::Settings;
use crate::connection::idle::Idleness;

/// The streams of one connection.
pub(super) struct Streams {
    begun: Cell<u32>,
    under_way: Cell<u32>,
    /// When an answer last made progress, or something began where nothing was under way.
    moved: Cell<Instant>,
    idleness: Idleness,
    /// Places for requests whose bodies have not ended.
    pub(super) bodies: Arc<Semaphore>,
}

impl Streams {
    pub(super) fn new(since: Instant, idleness: Idleness) -> Self {
        let bodies = Arc::new(Semaphore::new(BODIES_MAX));
        let (begun, under_way) = (Cell::default(), Cell::default());
        Self { begun, under_way, moved: Cell::new(since), idleness, bodies }
    }

    pub(super) fn begun(&self) -> u32 {
        self.begun.get()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.under_way.get() == 0
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
