//! Tests of a Redis that is killed, paused or full.

use std::sync::Arc;
use std::time::Duration;

use countersign_core::change::Write;
use countersign_core::id::AccountKey;
use countersign_engine::ports::Store as _;
use countersign_engine::ports::store::{Committed, StoreError};
use countersign_engine::store::RedisStore;
use countersign_testkit::records::*;
use countersign_testkit::redis_server::Redis;

use crate::{account, is_unavailable, open, open_waiting, revision, until_ready};

/// Number of successive commits of each account while Redis is killed.
const COMMITS: u64 = 40;
const ACCOUNTS: usize = 16;

/// Makes successive commits, as the single writer of an account does: after an unknown result it
/// reads the record.
async fn commits(store: Arc<RedisStore>, key: AccountKey) {
    let (mut known, mut acknowledged) = (0, 0);
    while known < COMMITS {
        match store.commit(unit(&key, known, [account(record())])).await {
            Ok(Committed::Recorded) => {
                known += 1;
                acknowledged = known;
            }
            Err(StoreError::Unavailable(_)) => {
                known = crate::until("it answers", async || {
                    store.account(&key).await.ok().map(|snapshot| snapshot.version.number)
                })
                .await;
                assert!(known >= acknowledged, "what was acknowledged is lost");
            }
            other => panic!("{other:?}: nobody else writes"),
        }
    }
}

#[tokio::test]
async fn what_was_acknowledged_survives_that_redis_is_killed_under_load() {
    let mut redis = Redis::durable();
    let store = Arc::new(open(&redis.url()).await);
    for round in 0..3 {
        let keys: Vec<_> = (0..ACCOUNTS).map(|n| user(&format!("user-{round}-{n}"))).collect();
        let writers = std::thread::spawn({
            let (store, keys) = (Arc::clone(&store), keys.clone());
            move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let commits = keys.into_iter().map(|key| commits(Arc::clone(&store), key));
                runtime.unwrap().block_on(futures_util::future::join_all(commits));
            }
        });
        // Waits until some commits are recorded, so that Redis is killed in the middle.
        crate::until("it is under way", async || {
            (revision(&store, &keys[0]).await >= 3).then_some(())
        })
        .await;
        redis.kill();
        redis.restart();
        writers.join().unwrap();
        for key in &keys {
            assert_eq!(revision(&store, key).await, COMMITS);
        }
    }
    let after: Vec<_> = (0..ACCOUNTS).map(|n| user(&format!("user-0-{n}"))).collect();
    store.close().await.unwrap();
    let again = open(&redis.url()).await;
    for key in after {
        assert_eq!(revision(&again, &key).await, COMMITS);
    }
}

#[tokio::test]
async fn a_pause_of_redis_makes_commits_wait_and_loses_none() {
    let redis = Redis::volatile();
    let store = open_waiting(&redis.url(), Duration::from_secs(15)).await;
    let ann = user("ann");
    recorded(&store, &ann, 0, [account(record())]).await;
    redis.signal("STOP");
    let waiting = store.commit(unit(&ann, 1, [Write::Device(device(&ann, 1).into())]));
    let reading = store.account(&ann);
    // This pause is longer than the time limit of a reply, so the store asks again on another
    // connection.
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    redis.signal("CONT");
    assert_eq!(waiting.await, Ok(Committed::Recorded));
    assert!(reading.await.is_ok());
    assert_eq!(revision(&store, &ann).await, 2);
    recorded(&store, &ann, 2, []).await;
}

#[tokio::test]
async fn a_long_pause_is_answered_in_bounded_time_and_settled_after_it() {
    let redis = Redis::volatile();
    let store = open_waiting(&redis.url(), Duration::from_secs(1)).await;
    let ann = user("ann");
    recorded(&store, &ann, 0, [account(record())]).await;
    redis.signal("STOP");
    let watch = countersign_engine::system::Stopwatch::start();
    let answer = store.commit(unit(&ann, 1, [account(record())])).await;
    assert!(is_unavailable(&answer), "{answer:?}");
    assert!(watch.seconds() < 5.0, "{} s", watch.seconds());
    assert!(store.ready().is_err());
    redis.signal("CONT");
    until_ready(&store).await;
    // The commit was sent, so it is recorded exactly once.
    assert_eq!(revision(&store, &ann).await, 2);
}

#[tokio::test]
async fn a_redis_without_memory_refuses_and_loses_nothing() {
    let redis = Redis::volatile();
    let store = open(&redis.url()).await;
    let ann = user("ann");
    recorded(&store, &ann, 0, [account(record())]).await;
    assert_eq!(redis.command(&["CONFIG", "SET", "maxmemory", "1"]), "+OK\r\n");
    for _ in 0..3 {
        let writes = [account(record()), Write::Device(device(&ann, 1).into())];
        let answer = store.commit(unit(&ann, 1, writes)).await;
        assert!(is_unavailable(&answer), "{answer:?}");
        let removal = store.commit(unit(&ann, 1, [Write::RemoveAccount])).await;
        assert!(is_unavailable(&removal), "{removal:?}");
        assert!(store.ready().is_err());
    }
    let snapshot = store.account(&ann).await.unwrap();
    assert_eq!((snapshot.version.number, snapshot.record), (1, Some(record())));
    assert_eq!(redis.command(&["CONFIG", "SET", "maxmemory", "0"]), "+OK\r\n");
    recorded(&store, &ann, 1, [Write::Device(device(&ann, 1).into())]).await;
    assert_eq!(store.ready(), Ok(()));
}

#[tokio::test]
async fn a_redis_that_has_memory_again_is_noticed_by_an_idle_server() {
    let redis = Redis::volatile();
    let store = open(&redis.url()).await;
    assert_eq!(redis.command(&["CONFIG", "SET", "maxmemory", "1"]), "+OK\r\n");
    let refused = store.commit(unit(&user("ann"), 0, [account(record())])).await;
    assert!(is_unavailable(&refused), "{refused:?}");
    // The lock is renewed even without memory, so after its lifetime it is still held.
    tokio::time::sleep(Duration::from_millis(3_500)).await;
    assert!(store.ready().is_err());
    assert_eq!(redis.command(&["EXISTS", "countersign:lock"]), ":1\r\n");
    assert_eq!(redis.command(&["CONFIG", "SET", "maxmemory", "0"]), "+OK\r\n");
    until_ready(&store).await;
}
