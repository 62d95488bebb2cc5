//! Which Redis, how it is used, and how long it keeps what has an end.

use std::time::Duration;

use crate::store::durability::Durability;

/// Milliseconds for which Redis keeps a record longer than it is wanted: pruning, which knows the
/// indexes too, comes first.
const EXPIRY_MARGIN_MS: u64 = 3_600_000;
/// The longest expiry that is asked for: a hundred years.
const EXPIRY_MS_MAX: u64 = 100 * 365 * 24 * 3_600_000;

/// Which Redis, and how it is used.
#[derive(Clone)]
pub struct RedisSettings {
    /// `redis://` or `rediss://`, with user, password and number of the database where needed.
    pub url: String,
    /// How long a call waits for a Redis that does not answer, before it is unavailable.
    pub wait: Duration,
    /// How long an action is kept after its last change, in milliseconds.
    pub action_retention_ms: u64,
    /// How long an ended challenge is kept, in milliseconds.
    pub challenge_retention_ms: u64,
    /// When commits are answered.
    pub durability: Durability,
    /// Who opens it.
    pub opening: Opening,
}

/// Who opens a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// Who begins a store where there is none.
    Begin,
    /// Who knows of a store: a Redis without one has lost it.
    Return,
    /// Who only reads, begins nothing, and puts out no server that is alive.
    Read,
}

impl RedisSettings {
    /// The defaults for a URL.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        const DAY_MS: u64 = 24 * 3_600_000;
        Self {
            url: url.into(),
            wait: Duration::from_secs(3),
            action_retention_ms: 30 * DAY_MS,
            challenge_retention_ms: DAY_MS,
            durability: Durability::Sync,
            opening: Opening::Begin,
        }
    }
}

/// How long Redis keeps what has an end.
#[derive(Clone, Copy)]
pub(super) struct Retention {
    pub(super) action_ms: u64,
    pub(super) challenge_ms: u64,
}

impl Retention {
    pub(super) fn action_ms(self) -> u64 {
        expiry_ms(self.action_ms)
    }

    pub(super) fn challenge_ms(self) -> u64 {
        expiry_ms(self.challenge_ms)
    }
}

fn expiry_ms(retention_ms: u64) -> u64 {
    retention_ms.saturating_add(EXPIRY_MARGIN_MS).min(EXPIRY_MS_MAX)
}
