//! Settings: the Redis, the use of it, and the retention of records.

use std::time::Duration;

use crate::store::durability::Durability;

/// Milliseconds that are added to the retention of records, so that a record never expires early
/// because clocks differ.
const EXPIRY_MARGIN_MS: u64 = 3_600_000;
/// Longest expiry in milliseconds: a hundred years.
const EXPIRY_MS_MAX: u64 = 100 * 365 * 24 * 3_600_000;

/// Address of the Redis, and the use that the store makes of it.
#[derive(Clone)]
pub struct RedisSettings {
    /// URL with the scheme `redis` or `rediss`, and with user, password and database number if
    /// needed.
    pub url: String,
    /// Time for which a call waits while Redis does not reply.
    pub wait: Duration,
    /// Milliseconds for which an action is kept after it was tracked.
    pub action_retention_ms: u64,
    /// Milliseconds for which the ended challenges of a removed user are kept.
    pub challenge_retention_ms: u64,
    /// Moment at which commits are answered.
    pub durability: Durability,
    /// True if Redis may be set so that it can lose records that it has acknowledged. A loss is
    /// then reported, and the server goes on.
    pub may_lose: bool,
    /// Way to open the store.
    pub opening: Opening,
}

/// Way to open a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// Requires an existing store. Waits until the lock of an earlier server has expired.
    Serve,
    /// Begins a store, as [`RedisStore::begin`](super::RedisStore::begin) does, and opens it.
    Import,
    /// Requires an existing store that no server uses, in order to read it.
    Read,
}

impl RedisSettings {
    /// Returns the defaults for a URL.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        const DAY_MS: u64 = 24 * 3_600_000;
        Self {
            url: url.into(),
            wait: Duration::from_secs(3),
            action_retention_ms: 30 * DAY_MS,
            challenge_retention_ms: DAY_MS,
            durability: Durability::Sync,
            may_lose: false,
            opening: Opening::Serve,
        }
    }
}

/// Expiry times in Redis, in milliseconds.
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
