//! The sending end of a store's job queue.

use std::sync::Mutex;

use tokio::sync::mpsc;

use super::{lock, refused};
use crate::ports::store::StoreError;

/// Accepts jobs until the store is closed.
pub(super) struct Intake<J> {
    /// `None` once the store is closed.
    sender: Mutex<Option<mpsc::Sender<J>>>,
    /// Error message if the queue is full.
    full: &'static str,
    /// Error message if the receiver has ended although the store is open.
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

    /// Queues a job if there is room. `make` returns the job and a value for the caller. It runs
    /// under the lock, so that jobs get their numbers in the order of the queue.
    pub(super) fn send<R>(&self, make: impl FnOnce() -> (J, R)) -> Result<R, StoreError> {
        let sender = lock(&self.sender);
        let place = self.reserve(sender.as_ref())?;
        let (job, rest) = make();
        place.send(job);
        Ok(rest)
    }

    /// Checks that the queue has room for a job.
    ///
    /// # Errors
    /// [`StoreError`] with the reason for which it has none.
    pub(super) fn ready(&self) -> Result<(), StoreError> {
        self.reserve(lock(&self.sender).as_ref()).map(drop)
    }

    /// Stops accepting jobs. Queued jobs are still done.
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
