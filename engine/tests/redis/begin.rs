//! Tests of the beginning of a store, which only an operator's command does.

use std::sync::Arc;

use countersign_engine::ports::Store as _;
use countersign_engine::ports::store::StoreError;
use countersign_engine::store::{ABSENT, Opening, RedisSettings, RedisStore};
use countersign_engine::system::SystemEntropy;
use countersign_testkit::records::*;
use countersign_testkit::redis_server::Redis;
use countersign_testkit::redis_store;

use crate::{WAIT, account, begun, open, recorded, revision, settings, try_open};

const LAYOUT_1: &str = "export it with that version's `countersign store export`";

async fn refused(opening: impl Future<Output = Result<RedisStore, StoreError>>) -> String {
    match opening.await {
        Err(StoreError::Unavailable(why) | StoreError::Unreadable(why)) => why,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it opened"),
    }
}

async fn import(url: &str) -> Result<RedisStore, StoreError> {
    let settings = RedisSettings { opening: Opening::Import, ..settings(url, WAIT) };
    RedisStore::open(settings, Arc::new(SystemEntropy)).await
}

#[tokio::test]
async fn a_server_begins_no_store_by_itself() {
    let redis = Redis::volatile();
    assert_eq!(refused(try_open(&redis.url(), WAIT)).await, ABSENT);
    assert_eq!(redis.command(&["DBSIZE"]), ":0\r\n");
    let store = begun(&redis.url()).await;
    recorded(&store, &user("ann"), 0, [account(record())]).await;
    store.close().await.unwrap();
    assert_eq!(redis.command(&["FLUSHALL"]), "+OK\r\n");
    assert_eq!(refused(try_open(&redis.url(), WAIT)).await, ABSENT, "a wiped Redis is not new");
    assert_eq!(redis.command(&["DBSIZE"]), ":0\r\n");
}

#[tokio::test]
async fn a_store_begins_where_there_is_nothing_of_ours_and_of_many_beginnings_one_does() {
    let redis = Redis::volatile();
    assert_eq!(redis.command(&["SET", "another:program", "1"]), "+OK\r\n");
    let urls: Vec<_> = (0..8).map(|_| redis.url()).collect();
    let begins = urls.iter().map(|url| redis_store::try_begin(url));
    let begun = futures_util::future::join_all(begins).await;
    assert_eq!(begun.iter().filter(|begun| begun.is_ok()).count(), 1, "{begun:?}");
    let store = open(&redis.url()).await;
    recorded(&store, &user("ann"), 0, [account(record())]).await;
    store.close().await.unwrap();
    let again = redis_store::try_begin(&redis.url()).await.unwrap_err().to_string();
    assert!(again.contains("holds a store already"), "{again}");
    assert!(refused(import(&redis.url())).await.contains("holds a store already"));
    assert_eq!(revision(&open(&redis.url()).await, &user("ann")).await, 1);
}

#[tokio::test]
async fn an_import_begins_its_store_which_is_used_once_the_import_has_ended() {
    let redis = Redis::volatile();
    let store = import(&redis.url()).await.unwrap();
    recorded(&store, &user("ann"), 0, [account(record())]).await;
    store.close().await.unwrap();
    for opening in [Opening::Serve, Opening::Read] {
        let settings = RedisSettings { opening, ..settings(&redis.url(), WAIT) };
        let refused = refused(RedisStore::open(settings, Arc::new(SystemEntropy))).await;
        assert!(refused.contains("empty this Redis"), "{refused}");
    }
    let settings = settings(&redis.url(), WAIT);
    RedisStore::end_import(settings, Arc::new(SystemEntropy)).await.unwrap();
    assert_eq!(revision(&open(&redis.url()).await, &user("ann")).await, 1);
}

#[tokio::test]
async fn a_single_key_of_any_layout_keeps_a_store_from_beginning() {
    for key in ["countersign:{4}:a", "countersign:{0123456789abcdef}:account:x", "countersign:x"] {
        let redis = Redis::volatile();
        redis.command(&["SET", key, "1"]);
        let refused = redis_store::try_begin(&redis.url()).await.unwrap_err().to_string();
        assert!(refused.contains("holds a store already"), "{key}: {refused}");
        assert_eq!(redis.command(&["DBSIZE"]), ":1\r\n");
    }
}

#[tokio::test]
async fn a_store_of_layout_1_is_refused_and_told_how_it_moves() {
    let redis = Redis::volatile();
    redis.command(&["HSET", "countersign:state", "layout", "1", "attempt", "7"]);
    for refused in [
        redis_store::try_begin(&redis.url()).await.unwrap_err().to_string(),
        refused(import(&redis.url())).await,
        refused(try_open(&redis.url(), WAIT)).await,
    ] {
        assert!(refused.contains(LAYOUT_1), "{refused}");
    }
    assert_eq!(redis.command(&["HGET", "countersign:state", "attempt"]), "$1\r\n7\r\n");
    assert_eq!(redis.command(&["DBSIZE"]), ":1\r\n");
}

#[tokio::test]
async fn a_store_of_a_newer_layout_is_refused_and_an_older_program_refuses_this_one() {
    let redis = Redis::volatile();
    begun(&redis.url()).await.close().await.unwrap();
    // A program of layout 1 reads this field, and knows no layout but 1.
    assert_eq!(redis.command(&["HGET", "countersign:state", "layout"]), "$1\r\n2\r\n");
    for (field, said) in [("layout", "layout 3"), ("format", "format 3")] {
        let known = redis.command(&["HGET", "countersign:{m}:store", field]);
        redis.command(&["HSET", "countersign:{m}:store", field, "3"]);
        let refused = refused(try_open(&redis.url(), WAIT)).await;
        assert!(refused.contains(said), "{refused}");
        let known = known.lines().nth(1).unwrap().to_owned();
        redis.command(&["HSET", "countersign:{m}:store", field, &known]);
    }
    open(&redis.url()).await.close().await.unwrap();
}

#[tokio::test]
async fn a_redis_that_could_lose_records_is_refused_unless_it_may() {
    let everysec = ["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""];
    let volatile = ["--appendonly", "no", "--save", ""];
    for (given, said) in [(&everysec[..], "appendfsync everysec"), (&volatile[..], "appendonly no")]
    {
        let redis = Redis::with(given);
        let strict = RedisSettings::new(redis.url());
        let entropy = || Arc::new(SystemEntropy);
        let refused_begin = RedisStore::begin(strict.clone(), entropy()).await.unwrap_err();
        assert!(refused_begin.to_string().contains(said), "{refused_begin}");
        let store = begun(&redis.url()).await;
        recorded(&store, &user("ann"), 0, [account(record())]).await;
        store.close().await.unwrap();
        let refused = refused(RedisStore::open(strict, entropy())).await;
        assert!(refused.contains(said) && refused.contains("store.may_lose"), "{refused}");
    }
    let redis = Redis::durable();
    let strict = RedisSettings::new(redis.url());
    for (setting, bad, good) in [
        ("maxmemory-policy", "allkeys-lru", "noeviction"),
        ("no-appendfsync-on-rewrite", "yes", "no"),
    ] {
        redis.command(&["CONFIG", "SET", setting, bad]);
        let refused = RedisStore::begin(strict.clone(), Arc::new(SystemEntropy)).await.unwrap_err();
        assert!(refused.to_string().contains(setting), "{refused}");
        redis.command(&["CONFIG", "SET", setting, good]);
    }
    RedisStore::begin(strict.clone(), Arc::new(SystemEntropy)).await.unwrap();
    RedisStore::open(strict, Arc::new(SystemEntropy)).await.unwrap();
}
