//! Permits for concurrent work, with one limit for all tenants together and one for each tenant.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A permit of the tenant's share, and a permit of the total. Dropping them gives them back.
pub(super) type Turn = (OwnedSemaphorePermit, OwnedSemaphorePermit);

/// The permits that one tenant can take. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Turns {
    all: Arc<Semaphore>,
    own: Arc<Semaphore>,
    share: usize,
}

impl Turns {
    /// Makes `max` permits for all tenants together, of which one tenant may take `share`.
    pub(super) fn new(max: usize, share: usize) -> Self {
        let [all, own] = [max, share].map(|turns| Arc::new(Semaphore::new(turns)));
        Self { all, own, share }
    }

    /// Returns the permits of another tenant, which share the total and have a separate limit.
    pub(super) fn of_one(&self) -> Self {
        Self { own: Arc::new(Semaphore::new(self.share)), ..self.clone() }
    }

    /// Waits for both permits. The permit of the tenant's share is taken first, because a caller
    /// that waits for it holds no permit of the total, and so blocks no other tenant.
    pub(super) async fn take(&self) -> Turn {
        const OPEN: &str = "it is never closed";
        let own = self.own.clone().acquire_owned().await.expect(OPEN);
        (own, self.all.clone().acquire_owned().await.expect(OPEN))
    }

    /// Returns true if all permits of the total are taken.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.all.available_permits() == 0
    }
}
