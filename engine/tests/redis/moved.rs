//! Tests of whole stores: they are checked, and moved to SQLite and back.

use std::sync::Arc;

use countersign_core::challenge::Challenge;
use countersign_core::change::Write;
use countersign_core::id::{ChallengeId, TenantId};
use countersign_core::outcome::Outcome;
use countersign_core::time::UnixMillis;
use countersign_engine::ports::Store;
use countersign_engine::ports::store::{Committed, Record, StoreError};
use countersign_engine::store::transfer::{self, TransferError};
use countersign_engine::store::{MemoryStore, SqliteStore, stream};
use countersign_testkit::records::*;
use countersign_testkit::redis_server::Redis;

use crate::{account, open, revision};

/// Number of users. It is more than one page of any store holds.
const USERS: u16 = 300;

fn numbered(n: u16) -> ChallengeId {
    let mut bytes = [0; 24];
    bytes[..2].copy_from_slice(&n.to_be_bytes());
    ChallengeId::from_entropy(&bytes)
}

/// Records users with a device, and with an open, a held and an ended challenge. One user is
/// removed.
async fn populate(store: &impl Store) {
    store.token_secret(&tenant(), [7; 32]).await.unwrap();
    store.token_secret(&TenantId::parse("other").unwrap(), [8; 32]).await.unwrap();
    store.observe(UnixMillis(9_000)).await.unwrap();
    for n in 0..USERS {
        let who = user(&format!("user: {n} \u{e9}"));
        let at = u64::from(n);
        let asked = Challenge { id: numbered(n), ..challenge(&who, 1, at) };
        let held = Challenge { id: numbered(1_000 + n), held: true, ..asked.clone() };
        let denied = Challenge { id: numbered(2_000 + n), ..asked.clone() };
        let writes = [account(record()), Write::Device(device(&who, 1).into())];
        recorded(store, &who, 0, writes).await;
        let actions = ["one", "two"].map(|key| Write::Action(action(&who, key, at).into()));
        recorded(store, &who, 1, actions).await;
        let writes = [
            Write::Challenge(asked.into()),
            Write::Challenge(held.into()),
            Write::Challenge(ended(&denied, Outcome::Denied, at + 1).into()),
        ];
        recorded(store, &who, 2, writes).await;
    }
    let gone = user("gone");
    recorded(store, &gone, 0, [account(record()), Write::Device(device(&gone, 1).into())]).await;
    recorded(store, &gone, 1, [Write::RemoveAccount]).await;
}

async fn exported(store: &impl Store) -> Vec<u8> {
    let mut stream = Vec::new();
    let count = transfer::export(store, &mut stream, |_| {}).await.unwrap();
    assert_eq!(count, 3 + 7 * u64::from(USERS));
    stream
}

/// Returns the records of a stream in sorted order, because each store has its own order.
fn sorted(stream: &[u8]) -> Vec<String> {
    let mut reader = stream::Reader::new(stream).unwrap();
    let mut records = Vec::new();
    while let Some(record) = reader.read().unwrap() {
        let mut text = format!("{record:?}");
        if let Record::Secret(_, secret) = &record {
            text = format!("{text} {secret:?}");
        }
        records.push(text);
    }
    records.sort();
    records
}

async fn assert_sound(store: &impl Store) {
    let found = transfer::check(store, |_| {}).await.unwrap();
    assert_eq!(found.damaged, []);
    assert_eq!(found.records["accounts"], u64::from(USERS));
    assert_eq!(found.records["challenges"], 3 * u64::from(USERS));
}

#[tokio::test]
async fn from_sqlite_to_redis_and_back_nothing_changes() {
    let folder = tempfile::tempdir().unwrap();
    let first = SqliteStore::open(&folder.path().join("first.db")).unwrap();
    populate(&first).await;
    let stream = exported(&first).await;
    let redis = Redis::volatile();
    let store = Arc::new(open(&redis.url()).await);
    transfer::import(store.clone(), &stream[..], |_| {}).await.unwrap();
    assert_sound(&*store).await;
    let moved = exported(&*store).await;
    assert_eq!(sorted(&moved), sorted(&stream));
    // Indexes find an imported record, and it expires, as if it had been committed there.
    let ann = user("user: 7 \u{e9}");
    assert_eq!(store.users(&tenant(), all_users()).await.unwrap().len(), 100);
    assert_eq!(store.actions(&ann, all_actions()).await.unwrap().len(), 2);
    let bound = store.devices_of_key(&device(&ann, 1).credential()).await.unwrap();
    assert_eq!(bound.len(), usize::from(USERS));
    let overdue = store.overdue(UnixMillis(u64::MAX), UnixMillis(0), 1_000).await.unwrap();
    assert_eq!(overdue.len(), 2 * usize::from(USERS));
    let other = Write::Challenge(ended(&overdue[0], Outcome::Approved, 500).into());
    let revision = revision(&store, &overdue[0].account).await;
    recorded(&*store, &overdue[0].account, revision, [other]).await;
    let last = Arc::new(SqliteStore::open(&folder.path().join("last.db")).unwrap());
    transfer::import(last.clone(), &moved[..], |_| {}).await.unwrap();
    assert_sound(&*last).await;
    assert_eq!(sorted(&exported(&*last).await), sorted(&stream));
}

#[tokio::test]
async fn only_an_empty_redis_takes_over_what_another_store_had() {
    let redis = Redis::volatile();
    let store = Arc::new(open(&redis.url()).await);
    populate(&*store).await;
    let stream = exported(&*store).await;
    let again = transfer::import(store, &stream[..], |_| {}).await;
    assert!(matches!(again, Err(TransferError::NotEmpty)), "{again:?}");
}

/// Returns the names of all keys of one kind.
fn names(redis: &Redis, kind: &str) -> Vec<String> {
    let reply = redis.command(&["KEYS", &format!("countersign:{{*}}:{kind}:*")]);
    reply.lines().filter(|line| line.starts_with("countersign:")).map(str::to_owned).collect()
}

/// Returns an undamaged row of this format, in hexadecimal.
fn row_of_format(format: u8) -> String {
    let sealed = [format, 0x90];
    let row = [&sealed[..], &crc32c::crc32c(&sealed).to_be_bytes()].concat();
    row.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn what_is_damaged_is_reported_with_its_key_and_not_exported() {
    const HEX: &str =
        "local row = string.gsub(ARGV[1], '..', function(h) return string.char(tonumber(h, 16)) end)
         return redis.call('SET', KEYS[1], row)";
    let redis = Redis::volatile();
    let store = open(&redis.url()).await;
    populate(&store).await;
    let (devices, challenges) = (names(&redis, "device"), names(&redis, "challenge"));
    let (accounts, actions) = (names(&redis, "account"), names(&redis, "action"));
    redis.command(&["SETRANGE", &devices[0], "20", "*"]);
    redis.command(&["EVAL", HEX, "1", &devices[1], &row_of_format(77)]);
    redis.command(&["RENAME", &devices[2], &devices[3]]);
    redis.command(&["HSET", &challenges[0], "end", "approved 1 - -"]);
    redis.command(&["HSET", &actions[0], "state", "9"]);
    redis.command(&["HDEL", &accounts[0], "name"]);
    redis.command(&["DEL", &accounts[1]]);
    redis.command(&["LPUSH", &accounts[1], "of another kind"]);
    redis.command(&["SET", "countersign:{0}:unknown:0", "what is this"]);
    redis.command(&["SET", "countersign:clock", "7:123"]);
    let found = transfer::check(&store, |_| {}).await.unwrap();
    let said: Vec<_> = found.damaged.iter().map(ToString::to_string).collect();
    for (key, why) in [
        (&*devices[0], "its checksum is wrong"),
        (&*devices[1], "its format 77 is unknown, 1 to 2 are known"),
        (&*devices[3], "its name does not fit its content"),
        (&*challenges[0], "its end does not fit its content"),
        (&*actions[0], "its state does not fit its content"),
        (&*accounts[0], "it does not name its account's owner"),
        (&*accounts[1], "WRONGTYPE"),
        ("countersign:{0}:unknown:0", "it is not a key of this store"),
        ("countersign:clock", "its format 7 is unknown"),
    ] {
        assert!(
            said.iter().any(|line| line.contains(key) && line.contains(why)),
            "{key}: {said:?}"
        );
    }
    assert_eq!(said.len(), 9, "{said:?}");
    let refused = transfer::export(&store, std::io::sink(), |_| {}).await;
    assert!(matches!(refused, Err(TransferError::Store(StoreError::Unreadable(_)))), "{refused:?}");
}

#[tokio::test]
async fn what_is_damaged_is_counted_and_only_the_first_of_it_is_named() {
    let redis = Redis::volatile();
    let store = open(&redis.url()).await;
    let (named, all) = (transfer::DAMAGED_NAMED_MAX, transfer::DAMAGED_NAMED_MAX + 50);
    for n in 0..all {
        redis.command(&["SET", &format!("countersign:{{0}}:unknown:\u{1b}[2J{n}"), "what is this"]);
    }
    let found = transfer::check(&store, |_| {}).await.unwrap();
    assert_eq!((found.damaged.len(), found.damaged_count), (named, all as u64));
    let said = found.damaged[0].to_string();
    assert!(said.contains("\\u{1b}[2J") && !said.contains('\u{1b}'), "{said}");
}

#[tokio::test]
async fn the_many_records_of_one_account_are_taken_over_in_units_of_bounded_size() {
    let redis = Redis::volatile();
    let (first, ann) = (MemoryStore::default(), user("ann"));
    let actions = (0..600).map(|n| Write::Action(action(&ann, &n.to_string(), n).into()));
    let writes: Vec<_> = std::iter::once(account(record())).chain(actions).collect();
    let recording = first.commit(unit(&ann, 0, writes)).await;
    assert_eq!(recording, Ok(Committed::Recorded));
    let mut stream = Vec::new();
    transfer::export(&first, &mut stream, |_| {}).await.unwrap();
    let store = Arc::new(open(&redis.url()).await);
    transfer::import(store.clone(), &stream[..], |_| {}).await.unwrap();
    let found = transfer::check(&*store, |_| {}).await.unwrap();
    assert_eq!((found.records["actions"], found.damaged_count), (600, 0));
    assert!(revision(&store, &ann).await >= 3, "600 records are more than two units");
}

#[tokio::test]
async fn a_record_that_an_index_does_not_lead_to_is_reported() {
    for index in ["countersign:due", "countersign:ended", "countersign:tracked"] {
        let redis = Redis::volatile();
        let store = open(&redis.url()).await;
        populate(&store).await;
        redis.command(&["ZPOPMIN", index]);
        let Err(StoreError::Unreadable(why)) = transfer::check(&store, |_| {}).await else {
            panic!("{index}: nothing is missing");
        };
        assert!(why.contains(&format!("is missing from {index}")), "{why}");
        // The record itself is readable, so the export succeeds.
        exported(&store).await;
    }
}
