//! Stores in the Redis of a test.

use std::sync::Arc;

use countersign_engine::ports::store::StoreError;
use countersign_engine::store::{RedisSettings, RedisStore};
use countersign_engine::system::SystemEntropy;

/// Begins a store in an empty Redis. The Redis may lose records: most tests have one that keeps
/// nothing on the disk.
pub async fn begin(url: &str) {
    try_begin(url).await.unwrap();
}

/// Begins a store, as [`begin`] does.
///
/// # Errors
/// The errors of [`RedisStore::begin`].
pub async fn try_begin(url: &str) -> Result<(), StoreError> {
    let settings = RedisSettings { may_lose: true, ..RedisSettings::new(url) };
    RedisStore::begin(settings, Arc::new(SystemEntropy)).await
}

/// Begins a store in an empty Redis, and opens it.
pub async fn new(settings: RedisSettings) -> RedisStore {
    begin(&settings.url).await;
    RedisStore::open(settings, Arc::new(SystemEntropy)).await.unwrap()
}
