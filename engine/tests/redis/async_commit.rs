//! Tests of commits that are answered before Redis has recorded them, with outages.

use std::time::Duration;

use countersign_core::challenge::Challenge;
use countersign_core::change::{Change, Write};
use countersign_core::id::AccountKey;
use countersign_core::outcome::Outcome;
use countersign_engine::ports::Store as _;
use countersign_engine::ports::store::{Committed, StoreError, Unwritten};
use countersign_engine::store::{Bound, Durability, RedisSettings, RedisStore};
use countersign_engine::system::Stopwatch;
use countersign_testkit::proxy::Proxy;
use countersign_testkit::records::*;
use countersign_testkit::redis_server::Redis;
use countersign_testkit::redis_store;
use futures_util::FutureExt as _;

use crate::{account, is_unavailable, recorded, revision, unit, until};

/// Time for which the store waits for Redis.
const WAIT: Duration = Duration::from_millis(800);

async fn lagging(url: &str, bound: Bound) -> RedisStore {
    let durability = Durability::Async(bound);
    redis_store::new(RedisSettings { durability, ..crate::settings(url, WAIT) }).await
}

/// Enrolls a user, and opens a challenge. Its approval may be answered early.
async fn asked(store: &RedisStore, n: u8) -> Challenge {
    let who = user(&format!("user-{n}"));
    let open = challenge(&who, n, 10);
    recorded(store, &who, 0, [account(record()), Write::Device(device(&who, 1).into())]).await;
    recorded(store, &who, 1, [Write::Challenge(open.clone().into())]).await;
    // Waits for the record, because a commit that only opens a challenge may be answered early too.
    until_written(store).await;
    open
}

fn approval(open: &Challenge, expected: u64) -> Change {
    unit(&open.account, expected, [Write::Challenge(ended(open, Outcome::Approved, 20).into())])
}

/// Tells whether the answer to a commit comes at once and is `Recorded`.
fn is_told(store: &RedisStore, change: Change) -> bool {
    store.commit(change).now_or_never() == Some(Ok(Committed::Recorded))
}

async fn until_written(store: &RedisStore) {
    let written = async || (store.unwritten() == Unwritten::default()).then_some(());
    until("what was answered is recorded", written).await;
}

async fn is_approved(store: &RedisStore, open: &Challenge) -> bool {
    let found = store.challenge(&open.account, &open.id).await.unwrap().unwrap();
    found.ended.is_some_and(|ended| ended.outcome == Outcome::Approved)
}

#[tokio::test]
async fn an_approval_is_answered_at_once_and_reads_wait_for_its_record() {
    let redis = Redis::volatile();
    let store = lagging(&redis.url(), Bound::Window(Duration::from_secs(10))).await;
    let open = asked(&store, 1).await;
    redis.signal("STOP");
    assert!(is_told(&store, approval(&open, 2)));
    assert_eq!(store.unwritten().records, 1);
    let reading = store.account(&open.account);
    redis.signal("CONT");
    let snapshot = reading.await.unwrap();
    assert_eq!((snapshot.version.number, snapshot.open), (3, vec![]));
    until_written(&store).await;
    assert!(is_approved(&store, &open).await);
}

#[tokio::test]
async fn what_counts_holds_enrolls_or_removes_waits_in_every_mode() {
    let redis = Redis::volatile();
    for bound in [Bound::Window(Duration::from_secs(10)), Bound::Records(100)] {
        let store = lagging(&redis.url(), bound).await;
        let open = asked(&store, 1).await;
        let who = &open.account;
        let denied = ended(&open, Outcome::Denied, 20);
        redis.signal("STOP");
        for writes in [
            vec![Write::Challenge(denied.into())],
            vec![account(record()), Write::Challenge(challenge(who, 2, 10).into())],
            vec![account(record()), Write::Device(device(who, 2).into())],
            vec![Write::RemoveDevice(device(who, 1).id)],
            vec![Write::RemoveAccount],
        ] {
            assert!(!is_told(&store, unit(who, 2, writes)), "{bound:?}");
        }
        assert_eq!(store.unwritten().records, 0);
        redis.signal("CONT");
        store.close().await.unwrap();
        redis.command(&["FLUSHALL"]);
    }
}

#[tokio::test]
async fn with_refuse_an_outage_that_is_known_is_waited_for() {
    let mut redis = Redis::durable();
    let store = lagging(&redis.url(), Bound::Window(Duration::from_millis(50))).await;
    let (one, two) = (asked(&store, 1).await, asked(&store, 2).await);
    redis.kill();
    until("the outage is noticed", async || store.ready().err()).await;
    let refused = store.commit(approval(&one, 2)).await;
    assert!(is_unavailable(&refused), "{refused:?}");
    redis.restart();
    crate::until_ready(&store).await;
    assert!(is_told(&store, approval(&two, 2)));
    // The first approval may have been sent, so it may be recorded. The second one must be.
    let expected = revision(&store, &one.account).await;
    assert!((2..=3).contains(&expected));
    assert!(is_approved(&store, &two).await);
}

#[tokio::test]
async fn nothing_is_told_from_a_state_before_an_end_that_is_still_in_doubt() {
    let mut redis = Redis::volatile();
    let proxy = Proxy::before(redis.address()).await;
    let store = lagging(&proxy.url(), Bound::Window(Duration::from_secs(10))).await;
    crate::may_lose::a_lost_end_is_not_overlooked(&store, &proxy, &mut redis).await;
}

#[tokio::test]
async fn past_the_window_an_approval_waits_for_its_record() {
    let redis = Redis::volatile();
    let store = lagging(&redis.url(), Bound::Window(Duration::from_millis(50))).await;
    let (one, two) = (asked(&store, 1).await, asked(&store, 2).await);
    redis.signal("STOP");
    assert!(is_told(&store, approval(&one, 2)));
    let old = async || (store.unwritten().oldest > Duration::from_millis(50)).then_some(());
    until("the first is old", old).await;
    let waiting = store.commit(approval(&two, 2));
    assert_eq!(store.unwritten().records, 1, "the second is not told");
    redis.signal("CONT");
    assert_eq!(waiting.await, Ok(Committed::Recorded));
    assert!(is_approved(&store, &one).await);
}

#[tokio::test]
async fn with_continue_approvals_go_on_up_to_the_bound_and_are_recorded_after_the_outage() {
    let mut redis = Redis::durable();
    let store = lagging(&redis.url(), Bound::Records(5)).await;
    let mut open = Vec::new();
    for n in 0..6 {
        open.push(asked(&store, n).await);
    }
    redis.kill();
    for open in &open[..5] {
        assert_eq!(store.ready(), Ok(()), "it goes on");
        assert!(is_told(&store, approval(open, 2)));
    }
    let sixth = store.commit(approval(&open[5], 2)).await;
    assert!(is_unavailable(&sixth), "{sixth:?}");
    assert!(store.ready().is_err(), "the backlog is full");
    let counted = store.commit(unit(&open[5].account, 2, [account(record())])).await;
    assert!(is_unavailable(&counted), "{counted:?}");
    let unread = store.account(&open[0].account).await;
    assert!(unread.is_err(), "it is not known to be open");
    assert_eq!(store.unwritten().records, 5);
    redis.restart();
    until_written(&store).await;
    for open in &open[..5] {
        assert!(is_approved(&store, open).await);
        assert_eq!(revision(&store, &open.account).await, 3, "once");
        // The first outcome cannot be replaced.
        let other = ended(open, Outcome::Reported, 30);
        let other = store.commit(unit(&open.account, 3, [Write::Challenge(other.into())])).await;
        assert!(matches!(other, Ok(Committed::Ended { .. })), "{other:?}");
    }
    assert_eq!(store.ready(), Ok(()));
}

#[tokio::test]
async fn nothing_is_told_early_or_from_memory_once_another_server_may_own_the_store() {
    let redis = Redis::volatile();
    let store = lagging(&redis.url(), Bound::Records(100)).await;
    let (one, two) = (asked(&store, 1).await, asked(&store, 2).await);
    redis.signal("STOP");
    assert!(is_told(&store, approval(&one, 2)));
    until("the lock may have expired", async || store.vouches(&two.account).err()).await;
    assert!(!is_told(&store, approval(&two, 2)));
    assert!(store.ready().is_err());
    redis.signal("CONT");
    until_written(&store).await;
    assert!(is_approved(&store, &one).await);
}

#[tokio::test]
async fn answered_commits_of_one_account_are_recorded_in_their_order() {
    let mut redis = Redis::durable();
    let store = lagging(&redis.url(), Bound::Records(1_000)).await;
    let ann = user("ann");
    let open: Vec<_> = (0..40).map(|n| challenge(&ann, n, 10)).collect();
    let writes: Vec<_> =
        open.iter().cloned().map(|record| Write::Challenge(record.into())).collect();
    assert_eq!(store.commit(unit(&ann, 0, writes)).await, Ok(Committed::Recorded));
    redis.kill();
    for (expected, open) in (1..).zip(&open) {
        assert!(is_told(&store, approval(open, expected)));
    }
    redis.restart();
    until_written(&store).await;
    assert_eq!(revision(&store, &ann).await, 41);
    assert_eq!(store.account(&ann).await.unwrap().open, []);
}

#[tokio::test]
async fn a_redis_without_memory_gets_what_was_answered_once_it_has_some() {
    let redis = Redis::volatile();
    let store = lagging(&redis.url(), Bound::Records(100)).await;
    let (one, two) = (asked(&store, 1).await, asked(&store, 2).await);
    assert_eq!(redis.command(&["CONFIG", "SET", "maxmemory", "1"]), "+OK\r\n");
    assert!(is_told(&store, approval(&one, 2)));
    let watch = Stopwatch::start();
    let refused = store.commit(unit(&two.account, 2, [account(record())])).await;
    assert!(is_unavailable(&refused), "{refused:?}");
    assert!(watch.seconds() < WAIT.as_secs_f64(), "it is refused, not waited for");
    assert_eq!(store.unwritten().records, 1);
    assert_eq!(redis.command(&["CONFIG", "SET", "maxmemory", "0"]), "+OK\r\n");
    until_written(&store).await;
    assert!(is_approved(&store, &one).await);
}

/// Changes the version in Redis while the store cannot connect.
fn overwrite(redis: &Redis, who: &AccountKey) {
    assert_eq!(who, &user("user-1"), "the only one");
    let [name] = &redis.keys("countersign:{*}:a*")[..] else { panic!("it is not the only one") };
    assert_eq!(redis.command_of(&[b"HSET", name, b"v", &[9; 16]]), b":0\r\n");
}

#[tokio::test]
async fn a_record_that_contradicts_an_early_answer_breaks_the_store() {
    let redis = Redis::volatile();
    let proxy = Proxy::before(redis.address()).await;
    let store = lagging(&proxy.url(), Bound::Records(100)).await;
    let open = asked(&store, 1).await;
    let broken = store.broken();
    proxy.refuse(true);
    assert!(is_told(&store, approval(&open, 2)));
    overwrite(&redis, &open.account);
    proxy.refuse(false);
    let why = broken.await.to_string();
    assert!(why.contains("something else is recorded than was answered"), "{why}");
    let after = store.commit(unit(&user("eve"), 0, [account(record())])).await;
    assert!(is_unavailable(&after), "{after:?}");
    assert!(store.account(&open.account).await.is_err());
    assert!(store.ready().is_err());
}

#[tokio::test]
async fn what_was_answered_is_lost_to_a_server_that_was_taken_over_and_it_says_so() {
    let redis = Redis::volatile();
    let proxy = Proxy::before(redis.address()).await;
    let store = lagging(&proxy.url(), Bound::Records(100)).await;
    let open = asked(&store, 1).await;
    let broken = store.broken();
    proxy.refuse(true);
    assert!(is_told(&store, approval(&open, 2)));
    redis.command(&["DEL", "countersign:{m}:lock"]);
    let next = crate::open(&redis.url()).await;
    proxy.refuse(false);
    let why = broken.await.to_string();
    assert!(why.contains("1 answered commits are lost"), "{why}");
    assert_eq!(revision(&next, &open.account).await, 2);
}

#[tokio::test]
async fn closing_says_how_much_of_what_was_answered_is_lost() {
    let mut redis = Redis::volatile();
    let store = lagging(&redis.url(), Bound::Records(100)).await;
    let open = asked(&store, 1).await;
    redis.kill();
    assert!(is_told(&store, approval(&open, 2)));
    let Err(StoreError::Unavailable(why)) = store.close().await else { panic!("it closed") };
    assert!(why.contains("1 answered commits are lost"), "{why}");
}
