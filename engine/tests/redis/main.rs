//! Tests of faults of Redis: it loses, repeats or delays a commit or its reply, is killed, paused,
//! wiped or full, or is taken over by another server.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod async_commit;
mod emails;
mod failover;
mod lost;
mod moved;
mod outages;
mod owners;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use countersign_core::account::AccountRecord;
use countersign_core::change::Write;
use countersign_core::id::AccountKey;
use countersign_engine::ports::Store;
use countersign_engine::ports::store::{Committed, StoreError};
use countersign_engine::store::{RedisSettings, RedisStore};
use countersign_engine::system::SystemEntropy;
use countersign_testkit::until;

/// Opens a store with the default wait.
async fn open(url: &str) -> RedisStore {
    open_waiting(url, Duration::from_secs(3)).await
}

async fn open_waiting(url: &str, wait: Duration) -> RedisStore {
    try_open(url, wait).await.unwrap()
}

async fn try_open(url: &str, wait: Duration) -> Result<RedisStore, StoreError> {
    let settings = RedisSettings { wait, ..RedisSettings::new(url) };
    RedisStore::open(settings, Arc::new(SystemEntropy)).await
}

async fn until_ready(store: &RedisStore) {
    until("it records again", async || store.ready().ok()).await;
}

fn account(record: AccountRecord) -> Write {
    Write::Account(record)
}

async fn revision(store: &RedisStore, key: &AccountKey) -> u64 {
    store.account(key).await.unwrap().version.number
}

fn is_unavailable(answer: &Result<Committed, StoreError>) -> bool {
    matches!(answer, Err(StoreError::Unavailable(_)))
}
