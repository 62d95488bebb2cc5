//! Randomness that repeats.

use std::sync::Mutex;

use countersign_engine::ports::Entropy;
use fastrand::Rng;

/// Numbers and bytes that are the same for a seed.
pub struct Seeded(Mutex<Rng>);

impl Seeded {
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Rng::with_seed(seed).into())
    }

    /// A number below `end`.
    pub fn below(&self, end: u64) -> u64 {
        self.0.lock().unwrap().u64(..end)
    }
}

impl Entropy for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap().fill(bytes);
    }
}
