//! Tests of a Redis that restarts without commits that it had acknowledged.

use std::time::Duration;

use countersign_core::challenge::Challenge;
use countersign_core::change::Write;
use countersign_core::outcome::Outcome;
use countersign_core::time::UnixMillis;
use countersign_engine::ports::Store as _;
use countersign_engine::ports::store::{Committed, StoreError};
use countersign_engine::store::RedisStore;
use countersign_testkit::proxy::{Fault, Proxy};
use countersign_testkit::records::*;
use countersign_testkit::redis_server::Redis;
use futures_util::future::join_all;

use crate::{account, is_unavailable, open, open_waiting, revision, until, until_ready};

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
    let snapshot = store.account(&ann).await.unwrap();
    assert_eq!((snapshot.version.number, snapshot.record), (3, Some(record())));
    assert_eq!(snapshot.devices, [device(&ann, n)]);
    assert_eq!(snapshot.open, [open]);
    let bound = store.devices_of_key(&device(&ann, n).credential()).await.unwrap();
    assert!(bound.contains(&device(&ann, n)), "{bound:?}");
    assert_eq!(store.actions(&ann, all_actions()).await.unwrap().len(), 1);
    let other = Write::Challenge(ended(&approved, Outcome::Denied, 21).into());
    let other = store.commit(unit(&ann, 3, [other])).await;
    let recorded = Box::new(approved.ended.clone().unwrap());
    assert_eq!(other, Ok(Committed::Ended { challenge: approved.id.clone(), recorded }));
}

#[tokio::test]
async fn a_tail_that_redis_lost_is_written_again() {
    let mut redis = Redis::volatile();
    let store = open(&redis.url()).await;
    let secret = store.token_secret(&tenant(), [7; 32]).await.unwrap();
    let ann = populate(&store, "ann", 1).await;
    assert_eq!(redis.command(&["SAVE"]), "+OK\r\n");
    let bob = populate(&store, "bob", 11).await;
    let gone = user("gone");
    recorded(&store, &gone, 0, [account(record())]).await;
    recorded(&store, &gone, 1, [Write::RemoveAccount]).await;
    redis.kill();
    redis.restart();
    // The read notices the loss, and waits until bob is written again.
    is_whole(&store, "bob", 11, bob).await;
    is_whole(&store, "ann", 1, ann).await;
    assert_eq!(revision(&store, &gone).await, 2);
    assert_eq!(store.token_secret(&tenant(), [8; 32]).await, Ok(secret));
    assert_eq!(store.ready(), Ok(()));
}

/// Loses a denial on its way, so that its caller gets an unknown result. Then restarts Redis
/// without the commit before the denial. A reader that has waited must see the denial.
pub(crate) async fn a_lost_end_is_not_overlooked(
    store: &RedisStore,
    proxy: &Proxy,
    redis: &mut Redis,
) {
    let (ann, bob) = (user("ann"), user("bob"));
    let open = challenge(&ann, 1, 10);
    recorded(store, &ann, 0, [account(record())]).await;
    recorded(store, &ann, 1, [Write::Challenge(open.clone().into())]).await;
    until_ready(store).await;
    assert_eq!(revision(store, &ann).await, 2);
    assert_eq!(redis.command(&["SAVE"]), "+OK\r\n");
    recorded(store, &bob, 0, [account(record())]).await;
    proxy.plan(Fault::LostInOutage);
    let denied = Write::Challenge(ended(&open, Outcome::Denied, 20).into());
    let unknown = store.commit(unit(&ann, 2, [denied])).await;
    assert!(is_unavailable(&unknown), "{unknown:?}");
    redis.kill();
    redis.restart();
    // Some reads begin before the lost commit is written again, and some while it is.
    let readings = (0..40).map(async |n| {
        tokio::time::sleep(Duration::from_millis(10 * n)).await;
        store.account(&ann).await
    });
    proxy.refuse(false);
    for read in join_all(readings).await.into_iter().flatten() {
        assert_eq!(
            (read.version.number, read.open),
            (3, vec![]),
            "the state before the denial is read"
        );
    }
    until_ready(store).await;
    assert_eq!(revision(store, &ann).await, 3);
    assert_eq!(revision(store, &bob).await, 1);
    assert_eq!(store.ready(), Ok(()));
}

#[tokio::test]
async fn nothing_is_read_between_what_is_written_again_and_what_is_still_in_doubt() {
    let mut redis = Redis::volatile();
    let proxy = Proxy::before(redis.address()).await;
    let store = open_waiting(&proxy.url(), Duration::from_secs(1)).await;
    a_lost_end_is_not_overlooked(&store, &proxy, &mut redis).await;
}

#[tokio::test]
async fn a_tail_is_written_again_before_the_next_commit() {
    let mut redis = Redis::volatile();
    let store = open(&redis.url()).await;
    let ann = user("ann");
    recorded(&store, &ann, 0, [account(record())]).await;
    assert_eq!(redis.command(&["SAVE"]), "+OK\r\n");
    for expected in 1..200 {
        recorded(&store, &ann, expected, [account(record())]).await;
    }
    for _ in 0..3 {
        redis.kill();
        redis.restart();
        let expected = revision(&store, &ann).await;
        recorded(&store, &ann, expected, [Write::Device(device(&ann, 1).into())]).await;
    }
    redis.kill();
    redis.restart();
    recorded(&store, &ann, 203, [account(record())]).await;
}

#[tokio::test]
async fn a_wiped_redis_is_given_back_what_memory_holds() {
    let redis = Redis::volatile();
    let store = open(&redis.url()).await;
    let secret = store.token_secret(&tenant(), [7; 32]).await.unwrap();
    let ann = populate(&store, "ann", 1).await;
    assert_eq!(redis.command(&["FLUSHALL"]), "+OK\r\n");
    is_whole(&store, "ann", 1, ann.clone()).await;
    assert_eq!(redis.command(&["FLUSHALL"]), "+OK\r\n");
    // A commit notices the loss too. The end that Redis has lost cannot be replaced.
    let other = Write::Challenge(ended(&ann.1, Outcome::Denied, 30).into());
    let other = store.commit(unit(&user("ann"), 3, [other])).await;
    assert!(matches!(other, Ok(Committed::Ended { .. })), "{other:?}");
    assert_eq!(store.token_secret(&tenant(), [8; 32]).await, Ok(secret));
    assert_eq!(redis.command(&["FLUSHALL"]), "+OK\r\n");
    // An idle server notices the loss by its own check.
    let back = async || (redis.command(&["EXISTS", "countersign:state"]) == ":1\r\n").then_some(());
    until("it is noticed", back).await;
    until_ready(&store).await;
    is_whole(&store, "ann", 1, ann).await;
}

#[tokio::test]
async fn what_neither_redis_nor_memory_knows_is_said_to_be_lost_and_not_taken_for_new() {
    let mut redis = Redis::volatile();
    let before = open(&redis.url()).await;
    populate(&before, "ann", 1).await;
    before.close().await.unwrap();
    assert_eq!(redis.command(&["SAVE"]), "+OK\r\n");
    // This store's journal has none of the earlier records.
    let store = open_waiting(&redis.url(), Duration::from_millis(500)).await;
    let bob = populate(&store, "bob", 11).await;
    assert_eq!(redis.command(&["FLUSHALL"]), "+OK\r\n");
    assert!(store.account(&user("ann")).await.is_err(), "ann is not unknown");
    let new = store.commit(unit(&user("eve"), 0, [account(record())])).await;
    assert!(is_unavailable(&new), "{new:?}");
    let due = store.overdue(UnixMillis(9_000), UnixMillis(0), 10).await;
    assert!(due.is_err(), "{due:?}");
    let Err(StoreError::Unavailable(why)) = store.ready() else { panic!("it is ready") };
    assert!(why.contains("lost records"), "{why}");
    // Restores a backup, which has everything but the latest commits. The journal has those.
    redis.kill();
    redis.restart();
    until_ready(&store).await;
    is_whole(&store, "bob", 11, bob).await;
    assert_eq!(revision(&store, &user("ann")).await, 3);
}

/// Lists all keys but the two that always exist.
fn keys(redis: &Redis) -> Vec<String> {
    let reply = redis.command(&["KEYS", "*"]);
    let names = reply.lines().filter(|line| line.starts_with("countersign:"));
    let fixed = ["countersign:state", "countersign:lock"];
    names.filter(|name| !fixed.contains(name)).map(str::to_owned).collect()
}

#[tokio::test]
async fn nothing_is_left_of_what_is_over() {
    let redis = Redis::volatile();
    let store = open(&redis.url()).await;
    for (n, name) in (1..).step_by(10).zip(["ann", "bob", "eve"]) {
        let (open, _) = populate(&store, name, n).await;
        let ann = user(name);
        let mut moved = record();
        moved.profile.email = line("elsewhere@example.com");
        recorded(&store, &ann, 3, [account(moved)]).await;
        let revoked = Write::Challenge(ended(&open, Outcome::Revoked, 30).into());
        recorded(&store, &ann, 4, [revoked, Write::RemoveAccount]).await;
    }
    // The revision of a removed user is forgotten a day after the first pruning.
    let over = |days: u64| UnixMillis(days * 24 * 60 * 60 * 1000);
    assert_eq!(store.prune(over(1), over(1)).await, Ok(6));
    assert_eq!(store.prune(over(2), over(2)).await, Ok(3));
    until("nothing is left", async || keys(&redis).is_empty().then_some(())).await;
}

#[tokio::test]
async fn what_has_an_end_expires_in_redis_and_what_has_none_does_not() {
    let redis = Redis::volatile();
    let store = open(&redis.url()).await;
    let (open, _) = populate(&store, "ann", 1).await;
    let expires = |kind: &str| {
        let names = keys(&redis);
        let of_kind = names.iter().filter(|name| name.contains(&format!("}}:{kind}:")));
        of_kind.filter(|name| redis.command(&["PTTL", name]) != ":-1\r\n").count()
    };
    let counts = |kinds: [&str; 5]| kinds.map(expires);
    let kinds = ["account", "device", "action", "challenge", "challenge-owner"];
    assert_eq!(counts(kinds), [0, 0, 1, 1, 1]);
    let closed = Write::Challenge(ended(&open, Outcome::Expired, 400).into());
    recorded(&store, &user("ann"), 3, [closed]).await;
    assert_eq!(counts(kinds), [0, 0, 1, 2, 2]);
}
