//! The open end of a store's queue.

use std::sync::Mutex;

use tokio::sync::mpsc;

use super::{lock, refused};
use crate::ports::store::StoreError;

/// Takes jobs until the store is closed.
pub(super) struct Intake<J> {
    /// `None` once the store is closed.
    sender: Mutex<Option<mpsc::Sender<J>>>,
    /// Message while the queue is full.
    full: &'static str,
    /// Message once the other end is gone, although the store is open.
    ended: &'static str,
}

impl<J> Intake<J> {
    pub(super) const fn new(
        sender: mpsc::Sender<J>,
        full: &'static str,
        ended: &'static str,
    ) -> Self {
        Self { sender: Mutex::new(Some(sender)), full, ended }
    }

    /// Queues the job that `make` returns, if there is room, and answers with the rest. `make` runs
    /// under the lock, so that jobs are numbered in the order in which they are queued.
    pub(super) fn send<R>(&self, make: impl FnOnce() -> (J, R)) -> Result<R, StoreError> {
        let sender = lock(&self.sender);
        let place = self.reserve(sender.as_ref())?;
        let (job, rest) = make();
        place.send(job);
        Ok(rest)
    }

    /// Tells whether one more job could be queued.
    ///
    /// # Errors
    /// [`StoreError`]: why it could not.
    pub(super) fn ready(&self) -> Result<(), StoreError> {
        self.reserve(lock(&self.sender).as_ref()).map(drop)
    }

    /// Takes no more jobs. Those in the queue are still done.
    pub(super) fn close(&self) {
        lock(&self.sender).take();
    }

    fn reserve<'a>(
        &self,
        sender: Option<&'a mpsc::Sender<J>>,
    ) -> Result<mpsc::Permit<'a, J>, StoreError> {
        sender.ok_or(StoreError::Closed)?.try_reserve().map_err(|error| match error {
            mpsc::error::TrySendError::Full(()) => StoreError::Busy(self.full),
            mpsc::error::TrySendError::Closed(()) => refused(self.ended),
        })
    }
}
