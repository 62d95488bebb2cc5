//! Permits: a bound of concurrent work.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A permit, given back when it is dropped.
pub type Permit = OwnedSemaphorePermit;

/// A number of permits. Clones share them.
#[derive(Clone)]
pub struct Permits {
    free: Arc<Semaphore>,
    max: usize,
}

impl Permits {
    /// So many permits.
    #[must_use]
    pub fn new(max: usize) -> Self {
        let max = max.min(Semaphore::MAX_PERMITS);
        Self { free: Arc::new(Semaphore::new(max)), max }
    }

    /// Takes a permit, if there is one.
    #[must_use]
    pub fn take(&self) -> Option<Permit> {
        self.free.clone().try_acquire_owned().ok()
    }

    /// Number of permits that are taken.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.max - self.free.available_permits()
    }

    /// Tells whether no permit is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.free.available_permits() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_permit_is_left_until_one_is_given_back() {
        let permits = Permits::new(2);
        let first = permits.take();
        let second = permits.take();
        assert!(first.is_some() && second.is_some());
        assert!(permits.take().is_none() && permits.is_empty());
        drop(first);
        assert_eq!(permits.taken(), 1);
        assert!(permits.take().is_some());
    }

    #[test]
    fn there_may_be_as_many_as_anybody_wants() {
        assert!(Permits::new(usize::MAX).take().is_some());
        assert!(Permits::new(0).take().is_none());
    }
}
