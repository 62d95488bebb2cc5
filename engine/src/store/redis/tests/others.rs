//! Answers of the scripts of the store, the lock and the partitions.

use super::super::keys::{LOCK, OLD_STATE, STORE};
use super::super::script::{ACCEPT, ACQUIRE, LOSE, OPEN, RELEASE, RENEW, Text};
use super::super::trouble::OLD;
use super::*;

impl Bench {
    /// Calls a script, and returns its reply as text.
    fn said(&self, script: &'static Text, keys: &[&str], args: &[&str]) -> String {
        let call = keys.iter().fold(Call::new(script), |call, key| call.key(*key));
        let call = args.iter().fold(call, |call, arg| call.arg(*arg));
        let words = super::super::reply::texts(self.call(&call).unwrap()).unwrap();
        words.join(" ")
    }

    fn acquire(&self, token: &str, layout: &str) -> String {
        let keys = [STORE, LOCK, OLD_STATE];
        self.said(&ACQUIRE, &keys, &[token, "5000", layout, "1", "one"])
            .split(' ')
            .next()
            .unwrap()
            .into()
    }
}

#[test]
fn a_store_is_begun_once_and_only_in_a_redis_that_holds_nothing_of_ours() {
    let bench = Bench::empty();
    assert_eq!(bench.acquire("a", "2"), "absent");
    bench.command(&["SET", "another:program", "x"]);
    assert_eq!(bench.begin(), Ok(()));
    assert!(matches!(bench.begin(), Err(StoreError::Unavailable(why)) if why.contains("holds")));
    bench.command(&["FLUSHALL"]);
    bench.command(&["SET", "countersign:left", "x"]);
    assert!(matches!(bench.begin(), Err(StoreError::Unavailable(why)) if why.contains("holds")));
    bench.command(&["FLUSHALL"]);
    bench.command(&["HSET", OLD_STATE, "layout", "1"]);
    assert_eq!(bench.acquire("a", "2"), "old");
    assert_eq!(bench.begin(), Err(StoreError::Unavailable(OLD.to_owned())));
}

#[test]
fn a_program_of_layout_1_refuses_the_store() {
    let bench = Bench::begun();
    // That program compares this field with its own layout before anything else.
    let layout = bench.command(&["HGET", OLD_STATE, "layout"]);
    assert_eq!(layout, Value::BulkString(b"2".to_vec()));
}

#[test]
fn one_server_at_a_time_has_the_lock() {
    let bench = Bench::begun();
    let renew = |token| bench.said(&RENEW, &[STORE, LOCK], &[token, "5000"]);
    let release = |token| bench.said(&RELEASE, &[LOCK], &[token]);
    assert_eq!(bench.acquire("a", "3"), "layout");
    assert_eq!((bench.acquire("a", "2"), bench.acquire("b", "2")), ("owned".into(), "held".into()));
    assert_eq!((renew("a"), renew("b")), ("owned".into(), "fenced".into()));
    release("b");
    assert_eq!(bench.acquire("b", "2"), "held", "only its holder releases it");
    bench.command(&["DEL", LOCK]);
    assert_eq!(renew("a"), "owned", "nobody took it meanwhile");
    assert_eq!(bench.acquire("b", "2"), "held");
    release("a");
    assert_eq!((bench.acquire("b", "2"), renew("a")), ("owned".into(), "fenced".into()));
    bench.command(&["DEL", STORE]);
    assert_eq!(renew("b"), "absent");
}

#[test]
fn a_store_of_another_mode_is_not_taken() {
    let bench = Bench::begun();
    for mode in ["importing", "many"] {
        bench.command(&["HSET", STORE, "mode", mode]);
        assert_eq!(bench.acquire("a", "2"), "mode");
    }
    assert_eq!(bench.command(&["EXISTS", LOCK]), Value::Int(0));
}

#[test]
fn an_epoch_begins_on_another_process_and_for_another_owner() {
    let bench = Bench::begun();
    bench.acquire("a", "2");
    let state = keys::FIRST.state();
    let open = |token: &str, epoch: &str, server: &str, is_new: &str| {
        bench.said(&OPEN, &[STORE, &state], &[token, epoch, server, is_new])
    };
    bench.command(&["HSET", &state, "guard", "", "seq", "7"]);
    let (a, b, c) = ("aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb", "cccccccccccccccc");
    let first = format!("opened {a} one two 7 {a}:7  ");
    assert_eq!(open("a", a, "one two", "1"), first);
    assert_eq!(open("a", b, "one two", "0"), first, "it is the same process");
    bench.command(&["HSET", &state, "seq", "9", "lost", "2 1000"]);
    let second = format!("opened {b} six two 9 {a}:7 {b}:9  2 1000");
    assert_eq!(open("a", b, "six two", "0"), second);
    let third = format!("opened {c} six two 9 {a}:7 {b}:9 {c}:9  2 1000");
    assert_eq!(open("a", c, "six two", "1"), third);
    let told = third.replacen("opened", "other", 1);
    assert_eq!(open("b", "dddddddddddddddd", "six two", "1"), told, "nothing is changed");
    for n in 0..70 {
        open("a", &format!("{n:016x}"), "six two", "1");
    }
    let history = bench.command(&["HGET", &state, "history"]);
    let history = super::super::reply::text(history).unwrap().unwrap();
    assert_eq!(history.split_terminator(' ').count(), 64);
    assert!(history.starts_with("0000000000000006:9 "), "{history}");
    bench.command(&["DEL", &state]);
    assert_eq!(open("a", a, "one two", "1"), "absent");
}

#[test]
fn a_loss_is_kept_at_its_most_until_it_is_accepted() {
    let bench = Bench::begun();
    let state = keys::FIRST.state();
    let lose = |most, at| bench.said(&LOSE, &[&state], &[most, at]);
    assert_eq!(lose("3", "1000"), "noted 3 1000");
    assert_eq!(lose("2", "2000"), "noted 3 1000");
    assert_eq!(lose("5", "3000"), "noted 5 1000");
    let accept = || bench.said(&ACCEPT, &[&state, &state], &[]);
    assert_eq!((accept(), accept()), ("5 1000 ".to_owned(), " ".to_owned()));
    bench.command(&["DEL", &state]);
    assert_eq!(lose("1", "1"), "absent");
}
