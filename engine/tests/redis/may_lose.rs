//! Tests of a Redis that may lose commits: a loss is reported, and the server goes on.

use std::time::Duration;

use countersign_core::change::Write;
use countersign_core::outcome::Outcome;
use countersign_engine::ports::Store as _;
use countersign_engine::ports::store::StoreError;
use countersign_engine::store::{ABSENT, RedisStore};
use countersign_testkit::proxy::{Fault, Proxy};
use countersign_testkit::records::{challenge, device, ended, record, user};
use countersign_testkit::redis_server::Redis;
use futures_util::future::join_all;

use crate::lost::{is_whole, populate};
use crate::{
    account, begun, begun_waiting, is_unavailable, open, recorded, revision, try_open, unit,
    until_ready,
};

#[tokio::test]
async fn a_lost_tail_is_gone_and_the_rest_goes_on() {
    let mut redis = Redis::volatile();
    let store = begun(&redis.url()).await;
    let ann = populate(&store, "ann", 1).await;
    assert_eq!(redis.command(&["SAVE"]), "+OK\r\n");
    populate(&store, "bob", 11).await;
    recorded(&store, &user("ann"), 3, [account(record())]).await;
    redis.kill();
    redis.restart();
    until_ready(&store).await;
    is_whole(&store, "ann", 1, ann).await;
    assert_eq!(revision(&store, &user("bob")).await, 0);
    populate(&store, "bob", 11).await;
    store.close().await.unwrap();
    assert_eq!(open(&redis.url()).await.ready(), Ok(()), "nothing is left to accept");
}

#[tokio::test]
async fn a_commit_from_a_lost_version_is_stale() {
    let mut redis = Redis::volatile();
    let store = begun(&redis.url()).await;
    let ann = user("ann");
    recorded(&store, &ann, 0, [account(record())]).await;
    assert_eq!(redis.command(&["SAVE"]), "+OK\r\n");
    for parent in 1..20 {
        recorded(&store, &ann, parent, [account(record())]).await;
    }
    redis.kill();
    redis.restart();
    until_ready(&store).await;
    let late = store.commit(unit(&ann, 20, [Write::Device(device(&ann, 1).into())])).await;
    let one = countersign_engine::ports::store::Committed::Stale { recorded: crate::version(1) };
    assert_eq!(late, Ok(one));
    recorded(&store, &ann, 1, [Write::Device(device(&ann, 1).into())]).await;
}

#[tokio::test]
async fn a_wiped_redis_stops_the_server_even_so() {
    let redis = Redis::volatile();
    let store = begun_waiting(&redis.url(), Duration::from_millis(500)).await;
    populate(&store, "ann", 1).await;
    assert_eq!(redis.command(&["FLUSHALL"]), "+OK\r\n");
    assert!(store.account(&user("ann")).await.is_err(), "ann is not unknown");
    let new = store.commit(unit(&user("eve"), 0, [account(record())])).await;
    assert!(is_unavailable(&new), "{new:?}");
    let Err(StoreError::Unavailable(why)) = store.ready() else { panic!("it is ready") };
    assert!(why.contains(ABSENT), "{why}");
    drop(store);
    assert!(try_open(&redis.url(), crate::WAIT).await.is_err());
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
    // Some reads begin before the denial is sent again, and some while it is.
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
    assert_eq!(revision(store, &bob).await, 0);
}

#[tokio::test]
async fn nothing_is_read_while_an_end_is_in_doubt() {
    let mut redis = Redis::volatile();
    let proxy = Proxy::before(redis.address()).await;
    let store = begun_waiting(&proxy.url(), Duration::from_secs(1)).await;
    a_lost_end_is_not_overlooked(&store, &proxy, &mut redis).await;
}
