//! Settings: the Redis, its use, and the retention of records with an end.

use std::time::Duration;

use crate::store::durability::Durability;

/// Milliseconds for which Redis keeps a record longer than it is wanted: pruning, which knows the
/// indexes too, comes first.
const EXPIRY_MARGIN_MS: u64 = 3_600_000;
/// The longest expiry that is asked for: a hundred years.
const EXPIRY_MS_MAX: u64 = 100 * 365 * 24 * 3_600_000;

/// The Redis and its use.
#[derive(Clone)]
pub struct RedisSettings {
    /// `redis://` or `rediss://`, with user, password and number of the database where needed.
    pub url: String,
    /// Time for which a call waits for a Redis that does not answer.
    pub wait: Duration,
    /// Retention of an action after its last change, in milliseconds.
    pub action_retention_ms: u64,
    /// Retention of an ended challenge, in milliseconds.
    pub challenge_retention_ms: u64,
    /// Time at which commits are answered.
    pub durability: Durability,
    /// The way to open the store.
    pub opening: Opening,
}

/// The way to open a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// Creates the store if none exists.
    Begin,
    /// Expects a store: a Redis without one has lost it.
    Return,
    /// Reads only, begins nothing, and leaves a live server alone.
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

/// Times for which Redis keeps records with an end, in milliseconds.
#[derive(Clone, Copy)]
pub(super) struct Retention {
    pub(super) action_ms: u64,
    pub(super) challenge_ms: u64,
}

impl Retention {
    pub(super) fn of(settings: &RedisSettings) -> Self {
        let expiry_ms = |ms: u64| ms.saturating_add(EXPIRY_MARGIN_MS).min(EXPIRY_MS_MAX);
        Self {
            action_ms: expiry_ms(settings.action_retention_ms),
            challenge_ms: expiry_ms(settings.challenge_retention_ms),
        }
    }
}
