//! Tests of faults of Redis: it loses, repeats or delays a commit or its reply, is killed, paused,
//! wiped or full, or is taken over by another server.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod async_commit;
mod begin;
mod damage;
mod failover;
mod fenced;
mod lost;
mod may_lose;
mod moved;
mod outages;
mod owners;
mod retention;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use countersign_core::account::AccountRecord;
use countersign_core::change::{Change, CommitId, Version, Write};
use countersign_core::id::AccountKey;
use countersign_engine::ports::Store;
use countersign_engine::ports::store::{Committed, StoreError};
use countersign_engine::store::{RedisSettings, RedisStore};
use countersign_engine::system::SystemEntropy;
use countersign_testkit::{redis_store, until};

const WAIT: Duration = Duration::from_secs(3);

/// Begins a store in an empty Redis, and opens it with the default wait.
async fn begun(url: &str) -> RedisStore {
    redis_store::new(settings(url, WAIT)).await
}

async fn begun_waiting(url: &str, wait: Duration) -> RedisStore {
    redis_store::new(settings(url, wait)).await
}

/// Opens an existing store with the default wait.
async fn open(url: &str) -> RedisStore {
    try_open(url, WAIT).await.unwrap()
}

async fn try_open(url: &str, wait: Duration) -> Result<RedisStore, StoreError> {
    RedisStore::open(settings(url, wait), Arc::new(SystemEntropy)).await
}

/// Returns the settings for a Redis that may lose records, because most tests have one that keeps
/// nothing on the disk.
fn settings(url: &str, wait: Duration) -> RedisSettings {
    RedisSettings { wait, may_lose: true, ..RedisSettings::new(url) }
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

/// Returns the version that the commit of this number makes. Each commit has its number as its
/// name, so that one that is sent again is recognised.
const fn version(number: u64) -> Version {
    Version { number, commit: CommitId(number) }
}

fn unit(key: &AccountKey, parent: u64, writes: impl Into<Vec<Write>>) -> Change {
    let (account, parent) = (key.clone(), version(parent));
    Change { account, parent, id: CommitId(parent.number + 1), writes: writes.into() }
}

/// Commits a unit, and checks that it is recorded.
async fn recorded<const N: usize>(
    store: &impl Store,
    key: &AccountKey,
    parent: u64,
    writes: [Write; N],
) {
    assert_eq!(store.commit(unit(key, parent, writes)).await, Ok(Committed::Recorded));
}
