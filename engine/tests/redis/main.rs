//! Faults that only Redis can inflict on its store: it may lose a commit or its answer, repeat or
//! delay it, be killed, paused, wiped, full, or taken by another server.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod async_commit;
mod emails;
mod failover;
mod lost;
mod moved;
mod outages;
mod owners;
mod proxy;
#[expect(dead_code, reason = "a part of it is used here")]
#[path = "../redis_server/mod.rs"]
mod redis_server;
#[path = "../store_conformance/samples.rs"]
mod samples;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use countersign_core::account::AccountRecord;
use countersign_core::change::{Change, Write};
use countersign_core::id::AccountKey;
use countersign_engine::ports::Store;
use countersign_engine::ports::store::{Committed, StoreError};
use countersign_engine::store::{RedisSettings, RedisStore};
use countersign_engine::system::{Stopwatch, SystemEntropy};

/// Longer than anything here may take.
const SOON: f64 = 20.0;

/// A store that waits as long as it does by default.
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

/// Asks until the answer is there.
async fn until<T>(what: &str, mut asked: impl AsyncFnMut() -> Option<T>) -> T {
    let watch = Stopwatch::start();
    loop {
        if let Some(answer) = asked().await {
            return answer;
        }
        assert!(watch.seconds() < SOON, "{what} in time");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn until_ready(store: &RedisStore) {
    until("it records again", async || store.ready().ok()).await;
}

fn account(record: AccountRecord) -> Write {
    Write::Account(record)
}

fn change(key: &AccountKey, expected: u64, writes: impl Into<Vec<Write>>) -> Change {
    Change { account: key.clone(), expected, writes: writes.into() }
}

async fn revision(store: &RedisStore, key: &AccountKey) -> u64 {
    store.account(key).await.unwrap().revision
}

fn is_unavailable(answer: &Result<Committed, StoreError>) -> bool {
    matches!(answer, Err(StoreError::Unavailable(_)))
}
