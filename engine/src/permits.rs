//! Permits, which limit concurrent work.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A permit. Dropping it gives it back.
pub type Permit = OwnedSemaphorePermit;

/// A fixed number of permits, which clones share.
#[derive(Clone)]
pub struct Permits {
    free: Arc<Semaphore>,
    max: usize,
}

impl Permits {
    /// Makes `max` permits.
    #[must_use]
    pub fn new(max: usize) -> Self {
        let max = max.min(Semaphore::MAX_PERMITS);
        Self { free: Arc::new(Semaphore::new(max)), max }
    }

    /// Takes a permit. Returns `None` if no permit is free.
    #[must_use]
    pub fn take(&self) -> Option<Permit> {
        self.free.clone().try_acquire_owned().ok()
    }

    /// Returns the number of permits that are taken.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.max - self.free.available_permits()
    }

    /// Returns true if no permit is free.
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
