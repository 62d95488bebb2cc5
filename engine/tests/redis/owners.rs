//! Tests of ownership: only one server writes at a time, even if an earlier owner was only paused.

use std::sync::Arc;
use std::time::Duration;

use countersign_core::time::UnixMillis;
use countersign_engine::ports::Store as _;
use countersign_engine::ports::store::StoreError;
use countersign_engine::store::{Opening, RedisSettings, RedisStore};
use countersign_engine::system::SystemEntropy;
use countersign_testkit::records::*;
use countersign_testkit::redis_server::Redis;

use crate::{account, is_unavailable, open, revision, try_open, until};

const WAIT: Duration = Duration::from_secs(3);

#[tokio::test]
async fn a_second_server_is_refused_until_the_first_has_closed() {
    let redis = Redis::volatile();
    let first = open(&redis.url()).await;
    let ann = user("ann");
    recorded(&first, &ann, 0, [account(record())]).await;
    let Err(StoreError::Unavailable(why)) = try_open(&redis.url(), WAIT).await else {
        panic!("a second server was let in");
    };
    assert!(why.contains("another server uses this Redis"), "{why}");
    recorded(&first, &ann, 1, [account(record())]).await;
    first.close().await.unwrap();
    let second = open(&redis.url()).await;
    recorded(&second, &ann, 2, [account(record())]).await;
}

#[tokio::test]
async fn a_lock_that_was_left_behind_expires() {
    let redis = Redis::volatile();
    // Sets the lock as a killed server leaves it.
    redis.command(&["SET", "countersign:lock", "somebody", "PX", "1500"]);
    let store = open(&redis.url()).await;
    recorded(&store, &user("ann"), 0, [account(record())]).await;
}

#[tokio::test]
async fn a_server_that_was_asleep_while_another_took_over_writes_nothing() {
    let redis = Redis::volatile();
    let asleep = open(&redis.url()).await;
    let ann = user("ann");
    recorded(&asleep, &ann, 0, [account(record())]).await;
    // Deletes the lock, as if it had expired, so that the next server can start.
    let awake = until("the next server starts", async || {
        redis.command(&["DEL", "countersign:lock"]);
        try_open(&redis.url(), WAIT).await.ok()
    })
    .await;
    let late = asleep.commit(unit(&ann, 1, [account(record())])).await;
    assert!(is_unavailable(&late), "{late:?}");
    assert!(asleep.account(&ann).await.is_err(), "it cannot know what is recorded");
    let why = asleep.broken().await.to_string();
    assert!(why.contains("another server has taken over"), "its process ends: {why}");
    let Err(StoreError::Unavailable(why)) = asleep.ready() else { panic!("it goes on") };
    assert!(why.contains("another server has taken over"), "{why}");
    assert_eq!(revision(&awake, &ann).await, 1);
    recorded(&awake, &ann, 1, [account(record())]).await;
    // The paused server does not take ownership back, and its end does not release the lock of the
    // new owner.
    drop(asleep);
    assert!(try_open(&redis.url(), WAIT).await.is_err());
    recorded(&awake, &ann, 2, [account(record())]).await;
}

#[tokio::test]
async fn an_owner_whose_lock_expired_unnoticed_takes_it_again() {
    let redis = Redis::volatile();
    let store = open(&redis.url()).await;
    redis.command(&["DEL", "countersign:lock"]);
    let held = async || (redis.command(&["EXISTS", "countersign:lock"]) == ":1\r\n").then_some(());
    until("the lock is held again", held).await;
    recorded(&store, &user("ann"), 0, [account(record())]).await;
}

#[tokio::test]
async fn who_only_reads_puts_out_no_server_that_renews_its_lock_late() {
    let redis = Redis::volatile();
    let store = open(&redis.url()).await;
    recorded(&store, &user("ann"), 0, [account(record())]).await;
    // Deletes the lock, as if the server could not reach Redis for longer than the lock's lifetime.
    redis.command(&["DEL", "countersign:lock"]);
    let reading = RedisSettings { opening: Opening::Read, ..RedisSettings::new(redis.url()) };
    let opened = RedisStore::open(reading.clone(), Arc::new(SystemEntropy)).await;
    let Err(StoreError::Unavailable(why)) = opened else { panic!("it put the server out") };
    assert!(why.contains("another server uses this Redis"), "{why}");
    recorded(&store, &user("ann"), 1, [account(record())]).await;
    store.close().await.unwrap();
    assert!(RedisStore::open(reading, Arc::new(SystemEntropy)).await.is_ok());
}

#[tokio::test]
async fn a_redis_that_is_not_there_is_said_to_be_unavailable() {
    let mut redis = Redis::volatile();
    redis.kill();
    let Err(StoreError::Unavailable(why)) = try_open(&redis.url(), WAIT).await else {
        panic!("it opened");
    };
    let at = redis.address();
    assert!(why.contains(&format!("Redis does not answer at {at}: ")), "{why}");
}

#[tokio::test]
async fn a_password_of_the_url_is_used_and_a_wrong_one_is_refused_without_saying_it() {
    let redis = Redis::with(&["--save", ""]);
    // The permissions that the documentation recommends to operators.
    let user = "SETUSER server on >right-one ~countersign:* +@read +@write +@scripting \
                +@transaction +@connection +info +config|get +acl|whoami";
    let acl: Vec<_> = ["ACL"].into_iter().chain(user.split_whitespace()).collect();
    assert_eq!(redis.command(&acl), "+OK\r\n");
    let url = |password: &str| redis.url().replace("://", &format!("://server:{password}@"));
    let Err(StoreError::Unavailable(why)) = try_open(&url("wrong-one"), WAIT).await else {
        panic!("it opened");
    };
    assert!(!why.contains("wrong-one"), "{why}");
    let store = open(&url("right-one")).await;
    let ann = countersign_testkit::records::user("ann");
    recorded(&store, &ann, 0, [account(record())]).await;
    assert_eq!(revision(&store, &ann).await, 1);
    assert_eq!(store.prune(UnixMillis(1), UnixMillis(1)).await, Ok(0));
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_redis_whose_certificate_nobody_vouches_for_is_refused() {
    let (redis, url) = Redis::encrypted();
    let Err(StoreError::Unavailable(why)) = try_open(&url, WAIT).await else {
        panic!("it opened");
    };
    assert!(why.contains("certificate"), "{why}");
    assert_eq!(redis.command(&["EXISTS", "countersign:state"]), ":0\r\n");
}
