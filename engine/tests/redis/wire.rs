//! Tests of commits that are lost, arrive twice or late, or whose replies are lost.

use std::time::Duration;

use countersign_core::change::Write;
use countersign_core::outcome::Outcome;
use countersign_core::time::UnixMillis;
use countersign_engine::ports::Store as _;
use countersign_engine::ports::store::{Committed, StoreError};
use countersign_testkit::proxy::{Fault, Proxy};
use countersign_testkit::records::*;
use countersign_testkit::redis_server::Redis;

use crate::{
    account, begun, begun_waiting, is_unavailable, recorded, revision, unit, until, until_ready,
    version,
};

const FAULTS: [Fault; 3] = [Fault::LostBefore, Fault::LostAfter, Fault::Duplicated];

/// Tests every kind of unit with every fault. Each unit is recorded once, and its caller gets that
/// result.
#[tokio::test]
async fn a_commit_is_recorded_once_whatever_becomes_of_it_on_the_way() {
    let redis = Redis::volatile();
    let proxy = Proxy::before(redis.address()).await;
    let store = begun(&proxy.url()).await;
    for (n, fault) in (0_u8..).zip(FAULTS) {
        let ann = user(&format!("ann-{n}"));
        let phone = device(&ann, 1);
        let open = challenge(&ann, n, 10);
        let approved = ended(&open, Outcome::Approved, 20);
        let units = [
            vec![account(record()), Write::Device(phone.clone().into())],
            vec![Write::Action(action(&ann, "one", 5).into()), Write::Challenge(open.into())],
            vec![account(record()), Write::Challenge(approved.clone().into())],
            vec![Write::RemoveDevice(phone.id)],
            vec![Write::RemoveAccount],
        ];
        for (expected, writes) in (0..).zip(units) {
            proxy.plan(fault);
            let committed = store.commit(unit(&ann, expected, writes)).await;
            assert_eq!(committed, Ok(Committed::Recorded), "{fault:?}, unit {expected}");
            assert!(proxy.is_done(), "{fault:?} has happened");
            assert_eq!(revision(&store, &ann).await, expected + 1, "{fault:?}, unit {expected}");
        }
        assert_eq!(store.challenge(&ann, &approved.id).await, Ok(Some(approved)));
    }
    assert_eq!(store.ready(), Ok(()));
}

#[tokio::test]
async fn what_is_refused_is_refused_however_often_it_arrives() {
    let redis = Redis::volatile();
    let proxy = Proxy::before(redis.address()).await;
    let store = begun(&proxy.url()).await;
    for (n, fault) in (0_u8..).zip(FAULTS) {
        let ann = user(&format!("ann-{n}"));
        let first = ended(&challenge(&ann, n, 10), Outcome::Denied, 20);
        recorded(&store, &ann, 0, [Write::Challenge(first.clone().into())]).await;
        proxy.plan(fault);
        let late = store.commit(unit(&ann, 7, [account(record())])).await;
        assert_eq!(late, Ok(Committed::Stale { recorded: version(1) }), "{fault:?}");
        proxy.plan(fault);
        let other = Write::Challenge(ended(&first, Outcome::Approved, 20).into());
        let other = store.commit(unit(&ann, 1, [other])).await;
        assert!(matches!(other, Ok(Committed::Ended { .. })), "{fault:?}: {other:?}");
        assert_eq!(store.challenge(&ann, &first.id).await, Ok(Some(first)));
    }
}

#[tokio::test]
async fn a_unit_that_is_refused_each_time_holds_up_nobody_after_a_lost_reply() {
    let redis = Redis::volatile();
    let proxy = Proxy::before(redis.address()).await;
    let store = begun(&proxy.url()).await;
    let (ann, bob) = (user("ann"), user("bob"));
    recorded(&store, &ann, 0, [account(record())]).await;
    let [name] = &redis.keys("countersign:{*}:a*")[..] else { panic!("it is not the only one") };
    redis.command_of(&[b"DEL", name]);
    redis.command_of(&[b"LPUSH", name, b"of another kind"]);
    for (fault, parent) in [Fault::LostBefore, Fault::LostAfter].into_iter().zip(0..) {
        proxy.plan(fault);
        let refused = store.commit(unit(&ann, 1, [account(record())])).await;
        let Err(StoreError::Unavailable(why)) = refused else { panic!("{refused:?}") };
        assert!(why.contains("WRONGTYPE"), "{fault:?}: {why}");
        recorded(&store, &bob, parent, [account(record())]).await;
        assert_eq!(store.ready(), Ok(()));
    }
}

#[tokio::test]
async fn a_commit_that_arrives_after_its_successor_changes_nothing() {
    let redis = Redis::volatile();
    let proxy = Proxy::before(redis.address()).await;
    let store = begun(&proxy.url()).await;
    let ann = user("ann");
    proxy.plan(Fault::LostBefore);
    recorded(&store, &ann, 0, [account(record()), Write::Device(device(&ann, 1).into())]).await;
    recorded(&store, &ann, 1, [Write::RemoveAccount]).await;
    let said = proxy.deliver_late().await;
    assert!(said.contains("recorded"), "its name is known: {said}");
    let snapshot = store.account(&ann).await.unwrap();
    assert_eq!((snapshot.version.number, snapshot.record, snapshot.devices), (2, None, vec![]));
    // Later its name is forgotten, and its parent is not the recorded version.
    for parent in 2..12 {
        recorded(&store, &ann, parent, [account(record())]).await;
    }
    let said = proxy.deliver_late().await;
    assert!(said.contains("stale"), "{said}");
    let snapshot = store.account(&ann).await.unwrap();
    assert_eq!((snapshot.version, snapshot.devices), (version(12), vec![]));
}

#[tokio::test]
async fn what_may_be_recorded_is_settled_before_anything_is_read() {
    let redis = Redis::volatile();
    let proxy = Proxy::before(redis.address()).await;
    let store = begun_waiting(&proxy.url(), Duration::from_millis(300)).await;
    let ann = user("ann");
    let open = challenge(&ann, 1, 10);
    recorded(&store, &ann, 0, [Write::Challenge(open.clone().into())]).await;
    for fault in [Fault::LostBefore, Fault::LostAfter] {
        let expected = revision(&store, &ann).await;
        proxy.plan(fault);
        let writes = [Write::Challenge(open.clone().into())];
        let asking = store.commit(unit(&ann, expected, writes));
        until("the fault happens", async || proxy.is_done().then_some(())).await;
        proxy.refuse(true);
        assert!(is_unavailable(&asking.await), "{fault:?}");
        assert!(store.account(&ann).await.is_err(), "{fault:?}: it may be recorded");
        assert!(store.ready().is_err());
        proxy.refuse(false);
        until_ready(&store).await;
        assert_eq!(revision(&store, &ann).await, expected + 1, "{fault:?}: it is settled");
    }
}

#[tokio::test]
async fn what_was_never_sent_is_not_recorded_later() {
    let redis = Redis::volatile();
    let proxy = Proxy::before(redis.address()).await;
    let store = begun_waiting(&proxy.url(), Duration::from_millis(300)).await;
    let ann = user("ann");
    recorded(&store, &ann, 0, [account(record())]).await;
    proxy.refuse(true);
    // The proxy closes the existing connection when this commit uses it, so this commit counts as
    // sent, and its result is unknown.
    let first = store.commit(unit(&user("eve"), 0, [account(record())])).await;
    assert!(is_unavailable(&first));
    let later: Vec<_> = (1..5).map(|n| store.commit(unit(&ann, n, [account(record())]))).collect();
    for answer in later {
        assert!(is_unavailable(&answer.await));
    }
    proxy.refuse(false);
    until_ready(&store).await;
    assert_eq!(revision(&store, &ann).await, 1);
    recorded(&store, &ann, 1, [account(record())]).await;
}

#[tokio::test]
async fn a_redis_that_forgot_the_scripts_is_given_them_again() {
    let redis = Redis::volatile();
    let store = begun(&redis.url()).await;
    let ann = user("ann");
    for expected in 0..3 {
        assert_eq!(redis.command(&["SCRIPT", "FLUSH"]), "+OK\r\n");
        recorded(&store, &ann, expected, [account(record())]).await;
        assert_eq!(redis.command(&["SCRIPT", "FLUSH"]), "+OK\r\n");
        assert_eq!(revision(&store, &ann).await, expected + 1);
    }
    assert_eq!(redis.command(&["SCRIPT", "FLUSH"]), "+OK\r\n");
    assert_eq!(store.observe(UnixMillis(1)).await, Ok(UnixMillis(1)));
}

/// Checks that a damaged row fails only the caller whose reply contains it. Here the row is the
/// recorded end. In the second round the reply is lost, and the commit is sent again.
#[tokio::test]
async fn a_damaged_end_is_told_to_its_caller_and_the_store_stays_ready() {
    let redis = Redis::volatile();
    let proxy = Proxy::before(redis.address()).await;
    let store = begun(&proxy.url()).await;
    let ann = user("ann");
    let approved = ended(&challenge(&ann, 1, 10), Outcome::Approved, 20);
    recorded(&store, &ann, 0, [Write::Challenge(approved.into())]).await;
    // The body of the only part is damaged behind the id of the challenge.
    let damage = "for _, key in ipairs(redis.call('KEYS', 'countersign:{*}:h*')) do
        local case = redis.call('HGETALL', key)
        redis.call('HSET', key, case[1], string.sub(case[2], 1, -2) .. 'x') end";
    redis.command(&["EVAL", damage, "0"]);
    for fault in [None, Some(Fault::LostAfter)] {
        fault.into_iter().for_each(|fault| proxy.plan(fault));
        let denied = ended(&challenge(&ann, 1, 10), Outcome::Denied, 30);
        let told = store.commit(unit(&ann, 1, [Write::Challenge(denied.into())])).await;
        assert!(matches!(told, Err(StoreError::Unreadable(_))), "{fault:?}: {told:?}");
        until_ready(&store).await;
    }
    assert_eq!(store.unreadable(), 2);
    recorded(&store, &user("bob"), 0, [account(record())]).await;
}
