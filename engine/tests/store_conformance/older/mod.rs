//! Streams that a server of the first layout wrote are imported, and every record of them is found.
//!
//! The streams are of one server with four users: two P-256 keys and an Ed25519 key, approved,
//! denied, reported and open challenges, actions that nobody was asked about, a ticket, an event
//! that its receiver refused, and a challenge whose user was removed. `sqlite.records` was exported
//! from SQLite, and `redis.records` from Redis.

use std::collections::HashMap;
use std::sync::Arc;

use countersign_core::account::AccountRecord;
use countersign_core::id::AccountKey;
use countersign_core::signature::Algorithm;
use countersign_core::time::UnixMillis;
use countersign_engine::ports::Store;
use countersign_engine::ports::store::Record;
use countersign_engine::store::MemoryStore;
use countersign_engine::store::stream::{Reader, Writer};
use countersign_engine::store::transfer;
use countersign_testkit::records::*;

const STREAMS: [&[u8]; 2] = [include_bytes!("sqlite.records"), include_bytes!("redis.records")];

fn records(stream: &[u8]) -> Vec<Record> {
    let mut reader = Reader::new(stream).unwrap();
    let mut records = Vec::new();
    while let Some(record) = reader.read().unwrap() {
        records.push(record);
    }
    records
}

fn written(records: &[Record]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new()).unwrap();
    records.iter().for_each(|record| writer.write(record).unwrap());
    writer.finish().unwrap().0
}

/// Returns records in an order that does not depend on the store.
fn sorted(mut records: Vec<Record>) -> Vec<Record> {
    records.sort_by_cached_key(|record| written(std::slice::from_ref(record)));
    records.dedup();
    records
}

async fn is_imported_whole(store: impl Store + 'static, stream: &[u8]) {
    let store: Arc<dyn Store> = Arc::new(store);
    let expected = records(stream);
    let count = transfer::import(store.clone(), stream, |_| {}).await.unwrap();
    assert_eq!(count, expected.len() as u64);
    let mut exported = Vec::new();
    transfer::export(&*store, &mut exported, |_| {}).await.unwrap();
    assert_eq!(sorted(records(&exported)), sorted(expected.clone()));
    for record in expected {
        is_found(&*store, record).await;
    }
    assert_eq!(store.verify().await, Ok(()));
    store.close().await.unwrap();
}

/// Checks that a record is found by the look-up that a server uses for it.
async fn is_found(store: &dyn Store, record: Record) {
    match record {
        Record::Secret(tenant, secret) => {
            assert_eq!(store.token_secret(&tenant, [1; 32]).await, Ok(secret));
        }
        Record::LatestTime(time) => assert_eq!(store.observe(UnixMillis(1)).await, Ok(time)),
        Record::Account(key, record) => account_is_found(store, key, record).await,
        Record::Device(device) => {
            let bound = store.devices_of_key(&device.credential()).await.unwrap();
            assert_eq!(bound, [device]);
        }
        Record::Action(action) => {
            let found = store.action(&action.account, &action.key).await;
            assert_eq!(found.as_ref(), Ok(&Some(action.clone())));
            let all = store.actions(&action.account, all_actions()).await.unwrap();
            assert!(all.contains(&action));
        }
        Record::Challenge(challenge) => {
            let found = store.challenge(&challenge.account, &challenge.id).await;
            assert_eq!(found.as_ref(), Ok(&Some(challenge.clone())));
            let snapshot = store.account(&challenge.account).await.unwrap();
            assert_eq!(snapshot.open.contains(&challenge), challenge.ended.is_none());
        }
        Record::Event(event) => {
            assert_eq!(store.due_events(event.due_at, 10).await, Ok(vec![event]));
        }
    }
}

async fn account_is_found(store: &dyn Store, key: AccountKey, record: AccountRecord) {
    for ticket in &record.tickets {
        assert_eq!(store.account_of_ticket(&ticket.digest).await, Ok(Some(key.clone())));
    }
    assert_eq!(store.account(&key).await.unwrap().record, Some(record));
}

#[tokio::test]
async fn a_stream_of_the_first_layout_is_imported_into_memory() {
    for stream in STREAMS {
        is_imported_whole(MemoryStore::default(), stream).await;
    }
}

#[tokio::test]
async fn a_stream_of_the_first_layout_is_imported_into_a_file() {
    for stream in STREAMS {
        let (_folder, store) = super::in_a_file().await;
        is_imported_whole(store, stream).await;
    }
}

#[tokio::test]
async fn a_stream_of_the_first_layout_is_imported_into_a_redis() {
    for stream in STREAMS {
        let (_server, store) = super::in_a_redis().await;
        is_imported_whole(store, stream).await;
    }
}

/// A server of the first layout reads what this server writes, because the bytes are the same.
#[test]
fn a_stream_of_the_first_layout_is_written_again_byte_for_byte() {
    for stream in STREAMS {
        assert_eq!(written(&records(stream)), stream);
    }
}

#[test]
fn the_streams_of_the_first_layout_have_every_kind_of_record() {
    for stream in STREAMS {
        let mut found: HashMap<&str, usize> = HashMap::new();
        for record in records(stream) {
            let kind = match record {
                Record::Secret(..) => "secret",
                Record::LatestTime(_) => "time",
                Record::Account(_, record) if record.tickets.is_empty() => "user",
                Record::Account(..) => "user with a ticket",
                Record::Device(device) if device.key.algorithm() == Algorithm::Ed25519 => "Ed25519",
                Record::Device(_) => "P-256",
                Record::Action(action) if action.decided_by.is_some() => "decided",
                Record::Action(_) => "undecided",
                Record::Challenge(challenge) if challenge.ended.is_none() => "open",
                Record::Challenge(_) => "ended",
                Record::Event(_) => "event",
            };
            *found.entry(kind).or_default() += 1;
        }
        let expected = [
            ("secret", 1),
            ("time", 1),
            ("user", 3),
            ("user with a ticket", 1),
            ("Ed25519", 1),
            ("P-256", 2),
            ("decided", 4),
            ("undecided", 6),
            ("open", 1),
            ("ended", 5),
            ("event", 1),
        ];
        assert_eq!(found, HashMap::from(expected));
    }
}
