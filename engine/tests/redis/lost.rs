//! Tests of a Redis that restarts without commits that it had acknowledged, although it may not.
//! The loss closes the partitions that it is in, until the records are back or an operator accepts
//! it.

use std::sync::Arc;
use std::time::Duration;

use countersign_core::challenge::Challenge;
use countersign_core::change::Write;
use countersign_core::outcome::Outcome;
use countersign_core::time::UnixMillis;
use countersign_engine::ports::Store as _;
use countersign_engine::ports::store::{Committed, StoreError};
use countersign_engine::store::{ABSENT, Loss, RedisSettings, RedisStore};
use countersign_engine::system::SystemEntropy;
use countersign_testkit::records::{
    action, all_actions, all_users, challenge, device, ended, record, tenant, user,
};
use countersign_testkit::redis_server::Redis;
use countersign_testkit::redis_store;

use crate::{account, is_unavailable, recorded, revision, unit, until, until_ready};

/// Returns settings with which Redis may lose nothing.
pub(crate) fn strict(url: &str) -> RedisSettings {
    RedisSettings { wait: Duration::from_secs(1), ..RedisSettings::new(url) }
}

async fn open(redis: &Redis) -> RedisStore {
    RedisStore::open(strict(&redis.url()), Arc::new(SystemEntropy)).await.unwrap()
}

async fn accept(redis: &Redis) -> Result<Vec<Loss>, StoreError> {
    RedisStore::accept_loss(strict(&redis.url()), Arc::new(SystemEntropy)).await
}

/// Waits until the store says that Redis has lost commits.
pub(crate) async fn until_noticed(store: &RedisStore) {
    until("the loss is noticed", async || {
        let why = store.ready().err()?.to_string();
        why.contains("Redis has lost").then_some(())
    })
    .await;
}

/// Records a user with a phone, an open challenge and an approved one.
pub(crate) async fn populate(store: &RedisStore, name: &str, n: u8) -> (Challenge, Challenge) {
    let ann = user(name);
    let (open, approved) = (challenge(&ann, n, 10), challenge(&ann, n + 1, 10));
    let approved = ended(&approved, Outcome::Approved, 20);
    recorded(store, &ann, 0, [account(record()), Write::Device(device(&ann, n).into())]).await;
    recorded(store, &ann, 1, [Write::Action(action(&ann, "one", 5).into())]).await;
    let challenges =
        [Write::Challenge(open.clone().into()), Write::Challenge(approved.clone().into())];
    recorded(store, &ann, 2, challenges).await;
    (open, approved)
}

/// Checks that all records of a user are there, and that the recorded end cannot be replaced.
pub(crate) async fn is_whole(
    store: &RedisStore,
    name: &str,
    n: u8,
    (open, approved): (Challenge, Challenge),
) {
    let ann = user(name);
    assert_eq!(store.vouches(&ann), Ok(()));
    let snapshot = store.account(&ann).await.unwrap();
    assert_eq!((snapshot.version.number, snapshot.record), (3, Some(record())));
    assert_eq!(snapshot.devices, [device(&ann, n)]);
    assert_eq!(snapshot.open, [open]);
    assert_eq!(store.actions(&ann, all_actions()).await.unwrap().len(), 1);
    let other = Write::Challenge(ended(&approved, Outcome::Denied, 21).into());
    let other = store.commit(unit(&ann, 3, [other])).await;
    let recorded = Box::new(approved.ended.clone().unwrap());
    assert_eq!(other, Ok(Committed::Ended { challenge: approved.id.clone(), recorded }));
}

/// Checks that nothing of a user is read or recorded, because the user's partition lacks commits.
pub(crate) async fn is_closed(store: &RedisStore, name: &str, (open, _): &(Challenge, Challenge)) {
    let who = user(name);
    let reads = [
        store.account(&who).await.map(drop),
        store.actions(&who, all_actions()).await.map(drop),
        store.challenge(&who, &open.id).await.map(drop),
        store.devices_of_key(&device(&who, 1).credential()).await.map(drop),
        store.users(&tenant(), all_users()).await.map(drop),
        store.overdue(UnixMillis(9_000), UnixMillis(0), 10).await.map(drop),
        store.due_events(UnixMillis(9_000), 10).await.map(drop),
        store
            .scan(Some(countersign_engine::ports::store::Cursor("records:0".to_owned())))
            .await
            .map(drop),
    ];
    for (n, read) in reads.into_iter().enumerate() {
        let Err(StoreError::Unavailable(why)) = read else { panic!("read {n}: {read:?}") };
        assert!(why.contains("Redis has lost"), "read {n}: {why}");
    }
    let memory = store.vouches(&who);
    assert!(memory.is_err(), "nothing is told from memory either");
    for parent in [0, 3] {
        let denied = Write::Challenge(ended(open, Outcome::Denied, 30).into());
        let answer = store.commit(unit(&who, parent, [denied])).await;
        let Err(StoreError::Unavailable(why)) = answer else { panic!("{parent}: {answer:?}") };
        assert!(why.contains("Redis has lost"), "{why}");
    }
}

#[tokio::test]
async fn a_lost_tail_closes_its_partition_until_the_records_are_back() {
    let mut redis = Redis::durable();
    redis_store::begin(&redis.url()).await;
    let store = open(&redis).await;
    let ann = populate(&store, "ann", 1).await;
    let without_bob = redis.backup();
    let bob = populate(&store, "bob", 11).await;
    let whole = redis.backup();
    redis.kill();
    redis.restore(&without_bob);
    redis.restart();
    until_noticed(&store).await;
    is_closed(&store, "bob", &bob).await;
    // The other partitions have lost nothing, and go on.
    is_whole(&store, "ann", 1, ann.clone()).await;
    let Err(StoreError::Unavailable(why)) = store.ready() else { panic!("it is ready") };
    assert!(why.contains("up to 3 acknowledged commits"), "{why}");
    redis.kill();
    redis.restore(&whole);
    redis.restart();
    until_ready(&store).await;
    is_whole(&store, "bob", 11, bob).await;
    is_whole(&store, "ann", 1, ann).await;
}

#[tokio::test]
async fn a_later_server_knows_of_the_loss_until_an_operator_accepts_it() {
    let mut redis = Redis::durable();
    redis_store::begin(&redis.url()).await;
    let store = open(&redis).await;
    let ann = populate(&store, "ann", 1).await;
    let without_bob = redis.backup();
    let bob = populate(&store, "bob", 11).await;
    redis.kill();
    redis.restore(&without_bob);
    redis.restart();
    until_noticed(&store).await;
    is_closed(&store, "bob", &bob).await;
    let refused = accept(&redis).await;
    assert!(refused.is_err(), "a server uses it: {refused:?}");
    store.close().await.unwrap();
    // A server that never knew bob cannot take him for new.
    let later = open(&redis).await;
    is_closed(&later, "bob", &bob).await;
    is_whole(&later, "ann", 1, ann.clone()).await;
    later.close().await.unwrap();
    let losses = accept(&redis).await.unwrap();
    let [loss] = losses[..] else { panic!("{losses:?}") };
    assert!(loss.commits == 3 && loss.partition < 64 && loss.since > 1_700_000_000_000, "{loss:?}");
    assert_eq!(accept(&redis).await, Ok(vec![]), "it is accepted once");
    let last = open(&redis).await;
    assert_eq!(last.ready(), Ok(()));
    is_whole(&last, "ann", 1, ann).await;
    assert_eq!(revision(&last, &user("bob")).await, 0);
    recorded(&last, &user("bob"), 0, [account(record())]).await;
}

/// A commit notices the loss too, and an idle server notices it by itself.
#[tokio::test]
async fn a_loss_is_noticed_by_a_commit_and_by_an_idle_server() {
    for is_idle in [false, true] {
        let mut redis = Redis::durable();
        redis_store::begin(&redis.url()).await;
        let store = open(&redis).await;
        let before = redis.backup();
        let ann = populate(&store, "ann", 1).await;
        redis.kill();
        redis.restore(&before);
        redis.restart();
        if is_idle {
            until_noticed(&store).await;
        } else {
            let new = store.commit(unit(&user("ann"), 0, [account(record())])).await;
            assert!(is_unavailable(&new), "ann is not new: {new:?}");
            until_noticed(&store).await;
        }
        is_closed(&store, "ann", &ann).await;
        assert_eq!(redis.keys("countersign:{*}:a*"), [[0; 0]; 0], "nothing was written");
    }
}

#[tokio::test]
async fn a_redis_that_restarts_with_everything_begins_an_epoch_and_goes_on() {
    let mut redis = Redis::durable();
    redis_store::begin(&redis.url()).await;
    let store = open(&redis).await;
    let ann = populate(&store, "ann", 1).await;
    for round in 0..3 {
        redis.kill();
        redis.restart();
        until_ready(&store).await;
        let who = user(&format!("eve-{round}"));
        recorded(&store, &who, 0, [account(record())]).await;
        is_whole(&store, "ann", 1, ann.clone()).await;
    }
}

#[tokio::test]
async fn a_wiped_redis_is_not_taken_for_a_new_one() {
    let mut redis = Redis::durable();
    redis_store::begin(&redis.url()).await;
    let store = open(&redis).await;
    let ann = populate(&store, "ann", 1).await;
    let whole = redis.backup();
    assert_eq!(redis.command(&["FLUSHALL"]), "+OK\r\n");
    assert!(store.account(&user("ann")).await.is_err(), "ann is not unknown");
    let new = store.commit(unit(&user("eve"), 0, [account(record())])).await;
    assert!(is_unavailable(&new), "{new:?}");
    let due = store.overdue(UnixMillis(9_000), UnixMillis(0), 10).await;
    assert!(due.is_err(), "{due:?}");
    let Err(StoreError::Unavailable(why)) = store.ready() else { panic!("it is ready") };
    assert!(why.contains(ABSENT), "{why}");
    assert_eq!(redis.keys("countersign:{*}:a*"), [[0; 0]; 0]);
    // A backup that has everything brings it back.
    redis.kill();
    redis.restore(&whole);
    redis.restart();
    until_ready(&store).await;
    is_whole(&store, "ann", 1, ann).await;
}
