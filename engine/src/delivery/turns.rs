//! Turns for work of all tenants, of which one tenant has a share.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A permit of the tenant's share, and one of all. They come free when they are dropped.
pub(super) type Turn = (OwnedSemaphorePermit, OwnedSemaphorePermit);

/// The turns of one tenant. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Turns {
    all: Arc<Semaphore>,
    own: Arc<Semaphore>,
    share: usize,
}

impl Turns {
    /// So many turns for all tenants together, and so many of them for one.
    pub(super) fn new(max: usize, share: usize) -> Self {
        let [all, own] = [max, share].map(|turns| Arc::new(Semaphore::new(turns)));
        Self { all, own, share }
    }

    /// The turns of another tenant.
    pub(super) fn of_one(&self) -> Self {
        Self { own: Arc::new(Semaphore::new(self.share)), ..self.clone() }
    }

    /// Waits for a turn. The tenant's own share comes first, because work that waits for that keeps
    /// nothing from others.
    pub(super) async fn take(&self) -> Turn {
        const OPEN: &str = "it is never closed";
        let own = self.own.clone().acquire_owned().await.expect(OPEN);
        (own, self.all.clone().acquire_owned().await.expect(OPEN))
    }

    /// Tells whether all turns are taken.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.all.available_permits() == 0
    }
}
