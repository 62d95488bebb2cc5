//! Tests of damaged records, of indexes without an entry, and of the end of records.

use countersign_core::action::ActionState;
use countersign_core::change::Write;
use countersign_core::event::Event;
use countersign_core::id::AccountKey;
use countersign_core::outcome::Outcome;
use countersign_engine::ports::Store as _;
use countersign_engine::ports::store::StoreError;
use countersign_engine::store::RedisStore;
use countersign_engine::store::transfer::{self, TransferError};
use countersign_testkit::records::*;
use countersign_testkit::redis_server::Redis;

use crate::lost;
use crate::moved::populate;
use crate::{account, begun};

const ACCOUNTS: &str = "countersign:{*}:a*";
const CASES: &str = "countersign:{*}:h*";

/// Returns an undamaged row of this format.
fn row_of_format(format: u8) -> Vec<u8> {
    let sealed = [format, 0x90];
    [&sealed[..], &crc32c::crc32c(&sealed).to_be_bytes()].concat()
}

/// Returns the first field of a hash whose name begins so, and its value.
fn field(redis: &Redis, key: &[u8], start: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let fields = redis.list(&[b"HGETALL", key]);
    let mut pairs = fields.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone()));
    pairs.find(|(field, _)| field.starts_with(start)).unwrap()
}

fn set(redis: &Redis, key: &[u8], field: &[u8], value: &[u8]) {
    redis.command_of(&[b"HSET", key, field, value]);
}

fn flipped(mut value: Vec<u8>) -> Vec<u8> {
    *value.last_mut().unwrap() ^= 1;
    value
}

/// Records a user with a finished lifecycle and an event.
async fn finished(store: &RedisStore, who: &AccountKey, n: u8) {
    let asked = challenge(who, n, 10);
    let reported = ended(&asked, Outcome::Reported, 20);
    let done = action(who, "one", 5).in_state(ActionState::ChallengeFailed, reported.issued_at);
    let event = Event::of_end(&reported).unwrap();
    let writes = [
        account(record()),
        Write::Action(done.into()),
        Write::Challenge(reported.into()),
        Write::Event(event),
    ];
    recorded(store, who, 0, writes).await;
}

#[tokio::test]
async fn what_is_damaged_is_reported_with_its_key_and_not_exported() {
    let redis = Redis::volatile();
    let store = begun(&redis.url()).await;
    populate(&store).await;
    let keys = redis.keys(ACCOUNTS);
    let device = |n: usize| field(&redis, &keys[n], b"d");
    let ((torn, row), (newer, other)) = (device(0), device(1));
    set(&redis, &keys[0], &torn, &flipped(row));
    set(&redis, &keys[1], &newer, &[&other[..16], &row_of_format(77)].concat());
    let (moved, row) = device(2);
    set(&redis, &keys[2], &flipped(moved.clone()), &row);
    redis.command_of(&[b"HDEL", &keys[2], &moved]);
    redis.command_of(&[b"HDEL", &keys[3], b"name"]);
    redis.command_of(&[b"DEL", &keys[4]]);
    redis.command_of(&[b"LPUSH", &keys[4], b"of another kind"]);
    let (_, live) = field(&redis, &keys[5], b"l");
    set(&redis, &keys[5], b"l", &live[..live.len() - 3]);
    let (_, row) = field(&redis, &keys[6], b"row");
    set(&redis, &keys[6], b"row", &flipped(row));
    redis.command(&["SET", "countersign:{0}:unknown:0", "what is this"]);
    redis.command(&["SET", "countersign:{10}:clock", "7:123"]);
    let expected = [
        (&keys[0][..], "its checksum is wrong"),
        (&keys[1], "its format 77 is unknown, 1 to 2 are known"),
        (&keys[2], "its name does not fit its content"),
        (&keys[3], "it does not name its account's owner"),
        (&keys[4], "WRONGTYPE"),
        (&keys[5], "a lifecycle is cut off"),
        (&keys[6], "its checksum is wrong"),
        (b"countersign:{0}:unknown:0", "it is not a key of this store"),
        (b"countersign:{10}:clock", "it is no time"),
    ];
    are_reported(&store, &expected).await;
}

/// Checks that a check reports exactly these keys, and that no export succeeds.
async fn are_reported(store: &RedisStore, expected: &[(&[u8], &str)]) {
    let found = transfer::check(store, |_| {}).await.unwrap();
    let said: Vec<_> = found.damaged.iter().map(ToString::to_string).collect();
    for (key, why) in expected {
        let key = key.escape_ascii().to_string();
        assert!(
            said.iter().any(|line| line.contains(&key) && line.contains(why)),
            "{key}: {why}: {said:#?}"
        );
    }
    for line in &said {
        let is_expected = |(key, _): &(&[u8], _)| line.contains(&key.escape_ascii().to_string());
        assert!(expected.iter().any(is_expected), "{line}");
    }
    let refused = transfer::export(store, std::io::sink(), |_| {}).await;
    assert!(matches!(refused, Err(TransferError::Store(StoreError::Unreadable(_)))), "{refused:?}");
}

#[tokio::test]
async fn a_damaged_case_is_reported_with_its_account() {
    let redis = Redis::volatile();
    let store = begun(&redis.url()).await;
    for (n, name) in (1..).zip(["ann", "bob", "eve"]) {
        finished(&store, &user(name), n).await;
    }
    let found = transfer::check(&store, |_| {}).await.unwrap();
    assert_eq!((found.damaged, found.records["actions"]), (vec![], 3));
    let (accounts, cases) = (redis.keys(ACCOUNTS), redis.keys(CASES));
    let of = |case: &[u8]| {
        let digest = &case[case.len() - 18..case.len() - 2];
        accounts.iter().find(|key| key.ends_with(digest)).unwrap().as_slice()
    };
    let (id, parts) = field(&redis, &cases[0], b"");
    set(&redis, &cases[0], &id, &flipped(parts));
    let (id, parts) = field(&redis, &cases[1], b"");
    set(&redis, &cases[1], &flipped(id), &parts);
    redis.command_of(&[b"RENAME", &cases[2], &flipped(cases[2].clone())]);
    // The index of events has a name that begins like those of events.
    let events = redis.keys("countersign:{*}:e*");
    let event = events.iter().find(|key| !key.ends_with(b":events")).unwrap();
    set(&redis, event, b"row", b"torn");
    let unlisted = flipped(cases[2].clone());
    let expected = [
        (of(&cases[0]), "its checksum is wrong"),
        (of(&cases[1]), "its name does not fit its content"),
        (&unlisted, "no account lists it"),
        (event, "it is too short"),
    ];
    are_reported(&store, &expected).await;
}

#[tokio::test]
async fn what_is_damaged_is_counted_and_only_the_first_of_it_is_named() {
    let redis = Redis::volatile();
    let store = begun(&redis.url()).await;
    let (named, all) = (transfer::DAMAGED_NAMED_MAX, transfer::DAMAGED_NAMED_MAX + 50);
    for n in 0..all {
        redis.command(&["SET", &format!("countersign:{{0}}:unknown:\u{1b}[2J{n}"), "what is this"]);
    }
    let found = transfer::check(&store, |_| {}).await.unwrap();
    assert_eq!((found.damaged.len(), found.damaged_count), (named, all as u64));
    let said = found.damaged[0].to_string();
    assert!(said.contains("\\x1b[2J") && !said.contains('\u{1b}'), "{said}");
}

#[tokio::test]
async fn a_damaged_record_that_is_due_does_not_hide_the_others() {
    let redis = Redis::volatile();
    let store = begun(&redis.url()).await;
    for (n, name) in (1..).zip(["ann", "bob", "eve"]) {
        let writes = [Write::Challenge(challenge(&user(name), n, u64::from(n)).into())];
        recorded(&store, &user(name), 0, writes).await;
    }
    let ann = redis
        .keys(ACCOUNTS)
        .into_iter()
        .find(|key| field(&redis, key, b"name").1.ends_with(b"ann"));
    let ann = ann.unwrap();
    let (_, live) = field(&redis, &ann, b"l");
    set(&redis, &ann, b"l", &flipped(live));
    let far = countersign_core::time::UnixMillis(9_000);
    for limit in 1..4 {
        let due = store.overdue(far, far, limit).await.unwrap();
        let users: Vec<_> = due.iter().map(|c| c.account.user.as_str()).collect();
        assert_eq!(users, ["bob", "eve"][..limit.min(2)], "limit {limit}");
    }
    assert!(store.unreadable() >= 3);
    let read = store.account(&user("ann")).await;
    assert!(matches!(read, Err(StoreError::Unreadable(_))), "{read:?}");
}

#[tokio::test]
async fn a_record_that_an_index_does_not_lead_to_is_reported() {
    let indexes = [
        ("countersign:{*}:due", "ZPOPMIN"),
        ("countersign:{*}:held", "ZPOPMIN"),
        ("countersign:{*}:events", "ZPOPMIN"),
        ("countersign:u:*", "ZPOPMIN"),
        ("countersign:k:*", "HDEL"),
    ];
    for (pattern, command) in indexes {
        let redis = Redis::volatile();
        let store = begun(&redis.url()).await;
        populate(&store).await;
        finished(&store, &user("gone too"), 1).await;
        assert_eq!(store.verify().await, Ok(()));
        let index = redis.keys(pattern).remove(0);
        match command {
            "HDEL" => redis.command_of(&[b"HDEL", &index, &field(&redis, &index, b"").0]),
            _ => redis.command_of(&[command.as_bytes(), &index]),
        };
        let Err(StoreError::Unreadable(why)) = transfer::check(&store, |_| {}).await else {
            panic!("{pattern}: nothing is missing");
        };
        assert!(why.contains(&format!("is missing from {}", index.escape_ascii())), "{why}");
        // The record itself is readable, so the export succeeds.
        transfer::export(&store, std::io::sink(), |_| {}).await.unwrap();
    }
}

#[tokio::test]
async fn all_that_is_left_of_removed_users_expires() {
    let redis = Redis::volatile();
    let store = begun(&redis.url()).await;
    let fixed = redis.keys("*");
    for (n, name) in (1..).step_by(10).zip(["ann", "bob", "eve"]) {
        let (open, _) = lost::populate(&store, name, n).await;
        let ann = user(name);
        let mut moved = record();
        moved.profile.email = line("elsewhere@example.com");
        crate::recorded(&store, &ann, 3, [account(moved)]).await;
        let revoked = Write::Challenge(ended(&open, Outcome::Revoked, 30).into());
        crate::recorded(&store, &ann, 4, [revoked, Write::RemoveAccount]).await;
    }
    let left = redis.keys("*").into_iter().filter(|key| !fixed.contains(key));
    let left: Vec<_> = left.collect();
    assert!(left.len() >= 6, "each has a version and challenges: {}", left.len());
    for key in left {
        let time = redis.command_of(&[b"PTTL", &key]);
        assert!(!time.starts_with(b":-"), "{}", key.escape_ascii());
    }
    assert_eq!(count(&store).await, 6, "the ended challenges");
}

async fn count(store: &RedisStore) -> u64 {
    transfer::export(store, std::io::sink(), |_| {}).await.unwrap()
}
