//! Seeded randomness for tests that can be repeated.

use std::sync::Mutex;

use countersign_engine::ports::Entropy;
use fastrand::Rng;

/// Source of the same numbers and bytes for the same seed.
pub struct Seeded(Mutex<Rng>);

impl Seeded {
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Rng::with_seed(seed).into())
    }

    /// Returns a number below `end`.
    pub fn below(&self, end: u64) -> u64 {
        self.0.lock().unwrap().u64(..end)
    }
}

impl Entropy for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap().fill(bytes);
    }
}
