//! Answers of the script of commits.

use countersign_core::action::ActionState;
use countersign_core::challenge::Ended;
use countersign_core::change::{Change, CommitId, Version, Write};
use countersign_core::event::Event;
use countersign_core::id::AccountKey;
use countersign_core::outcome::Outcome;
use countersign_core::time::UnixMillis;

use super::super::keys::Bucket;
use super::super::partitions::Known;
use super::super::trouble::Trouble;
use super::super::write::{Commit, forget, observe, put_off, remove_event, secret};
use super::*;
use crate::ports::store::Committed;

fn stale(number: u64) -> Committed {
    Committed::Stale { recorded: Version { number, commit: CommitId(number) } }
}

#[test]
fn the_order_of_the_checks_decides_the_answer() {
    let (bench, ann) = (Bench::begun(), user("ann"));
    let pending = action(&ann, "one", ActionState::ChallengeRequired);
    let open = challenge(&pending, 1);
    let (approved, denied) = (ended(&open, Outcome::Approved), ended(&open, Outcome::Denied));
    let track = || Write::Track(pending.clone().into());
    let put = |challenge: &Challenge| Write::Challenge(challenge.clone().into());
    let ended_as = |outcome| Committed::Ended {
        challenge: open.id.clone(),
        recorded: Box::new(Ended::without_device(outcome, UnixMillis(2_500))),
    };
    let known = || Committed::Known(Box::new(pending.clone()));
    let done = action(&ann, "one", ActionState::ChallengeSucceeded);
    let table: Vec<(&str, Change, Committed)> = vec![
        ("another parent", change(&ann, 4, 5, vec![track()]), stale(0)),
        ("the first", change(&ann, 0, 1, vec![track()]), Committed::Recorded),
        ("the same again", change(&ann, 0, 1, vec![track()]), Committed::Recorded),
        ("a known name", change(&ann, 1, 2, vec![track()]), known()),
        ("stale is said before known", change(&ann, 0, 2, vec![track()]), stale(1)),
        ("a challenge", change(&ann, 1, 2, vec![put(&open)]), Committed::Recorded),
        ("it again", change(&ann, 2, 3, vec![put(&open)]), Committed::Recorded),
        (
            "its end, with the action's",
            change(&ann, 3, 4, vec![Write::Action(done.into()), put(&approved)]),
            Committed::Recorded,
        ),
        ("another end", change(&ann, 4, 5, vec![put(&denied)]), ended_as(Outcome::Approved)),
        (
            "ended is said before stale",
            change(&ann, 2, 5, vec![put(&open)]),
            ended_as(Outcome::Approved),
        ),
        ("an id of the last eight", change(&ann, 3, 1, vec![put(&denied)]), Committed::Recorded),
        ("no id", change(&ann, 0, 0, vec![]), stale(4)),
    ];
    for (what, change, expected) in table {
        assert_eq!(bench.send(&Commit::new(change)).unwrap(), expected, "{what}");
    }
    assert!(matches!(
        bench.send(&Commit::new(change(&ann, 4, 5, vec![track()]))).unwrap(),
        Committed::Known(action) if action.state == ActionState::ChallengeSucceeded
    ));
}

#[test]
fn only_the_last_eight_ids_are_kept() {
    let (bench, ann) = (Bench::begun(), user("ann"));
    let commit = |parent, id| bench.send(&Commit::new(change(&ann, parent, id, vec![]))).unwrap();
    for number in 0..10 {
        assert_eq!(commit(number, number + 1), Committed::Recorded);
    }
    for id in 3..=10 {
        assert_eq!(commit(0, id), Committed::Recorded, "{id}");
    }
    for id in [1, 2, 11] {
        assert_eq!(commit(0, id), stale(10), "{id}");
    }
}

#[test]
fn a_partition_that_is_not_as_it_is_known_records_nothing() {
    let (bench, ann) = (Bench::begun(), user("ann"));
    let state = keys::Names::of(&ann).partition().state();
    let commit = |known: &Known| {
        let answer = bench.send_as(known, &Commit::new(change(&ann, 0, 1, vec![])));
        answer.map_err(|trouble| format!("{trouble:?}"))
    };
    let other = Known { guard: "0123456789abcdef other".into(), ..known(0) };
    assert_eq!(commit(&other), Err("Moved".to_owned()));
    assert_eq!(commit(&known(1)), Err("Rolled".to_owned()));
    bench.command(&["HSET", &state, "lost", "3 1000"]);
    assert_eq!(commit(&known(0)), Err("Moved".to_owned()));
    bench.command(&["HDEL", &state, "lost"]);
    assert_eq!(commit(&known(0)), Ok(Committed::Recorded));
    assert_eq!(commit(&known(1)), Ok(Committed::Recorded), "its sequence is 1 now");
    bench.command(&["DEL", &state]);
    assert_eq!(commit(&known(0)), Err("Absent".to_owned()));
}

#[test]
fn a_key_of_another_type_fails_its_unit_alone() {
    let (bench, ann) = (Bench::begun(), user("ann"));
    let mut set = redis::cmd("SET");
    set.arg(name_of(&ann)).arg("x");
    bench.runtime.block_on(bench.link.one(set)).unwrap();
    let answer = bench.send(&Commit::new(change(&ann, 0, 1, vec![])));
    assert!(matches!(answer, Err(Trouble::Refused(why)) if why.contains("WRONGTYPE")));
    let bob = change(&user("bob"), 0, 1, vec![Write::Account(record())]);
    assert_eq!(bench.send(&Commit::new(bob)).unwrap(), Committed::Recorded);
}

fn fields(bench: &Bench, account: &AccountKey) -> Vec<String> {
    let mut keys = redis::cmd("HKEYS");
    keys.arg(name_of(account));
    let keys = bench.runtime.block_on(bench.link.one(keys)).unwrap();
    let mut keys = super::super::reply::texts(keys).unwrap();
    keys.sort();
    keys
}

#[test]
fn a_removed_user_leaves_its_version_and_its_cases_for_a_while() {
    let (bench, ann) = (Bench::begun(), user("ann"));
    let pending = action(&ann, "one", ActionState::ChallengeRequired);
    let writes = vec![Write::Account(record()), Write::Track(pending.into())];
    assert_eq!(bench.send(&Commit::new(change(&ann, 0, 1, writes))).unwrap(), Committed::Recorded);
    let removal = change(&ann, 1, 2, vec![Write::RemoveAccount]);
    assert_eq!(bench.send(&Commit::new(removal)).unwrap(), Committed::Recorded);
    assert_eq!(fields(&bench, &ann), ["g", "gone", "l", "name", "v"]);
    let life = || {
        let mut life = redis::cmd("PTTL");
        life.arg(name_of(&ann));
        bench.runtime.block_on(bench.link.one(life)).unwrap()
    };
    let Value::Int(ms) = life() else { panic!("no life") };
    assert!(ms > 80_000_000, "{ms}");
    let again = change(&ann, 2, 3, vec![Write::Account(record())]);
    assert_eq!(bench.send(&Commit::new(again)).unwrap(), Committed::Recorded);
    assert_eq!(fields(&bench, &ann), ["g", "l", "name", "row", "v"]);
    assert_eq!(life(), Value::Int(-1));
}

#[test]
fn secrets_and_the_time_are_answered_as_recorded() {
    let bench = Bench::begun();
    let put = |fresh| {
        let tenant = TenantId::parse("demo").unwrap();
        bench.send(&secret(&tenant, [fresh; 32])).unwrap()
    };
    assert_eq!((put(1), put(2)), ([1; 32], [1; 32]));
    for (now, before) in [(5_000, 5_000), (7_000, 5_000), (6_000, 7_000), (0, 7_000)] {
        assert_eq!(bench.send(&observe(UnixMillis(now))).unwrap(), UnixMillis(before), "{now}");
    }
    bench.command(&["SET", keys::CLOCK, "x"]);
    assert!(matches!(bench.send(&observe(UnixMillis(1))), Err(Trouble::Refused(_))));
}

#[test]
fn an_event_is_put_off_only_to_later_and_removed_for_good() {
    let (bench, ann) = (Bench::begun(), user("ann"));
    let open = challenge(&action(&ann, "one", ActionState::ChallengeRequired), 1);
    let event = Event::of_end(&ended(&open, Outcome::Reported)).unwrap();
    let at = |ms| Event { due_at: UnixMillis(ms), ..event.clone() };
    let names = keys::Names::of(&ann);
    let due = || {
        let mut score = redis::cmd("ZSCORE");
        score.arg(names.partition().events()).arg(names.event_member(&event.id));
        let score = bench.runtime.block_on(bench.link.one(score)).unwrap();
        super::super::reply::text(score).unwrap()
    };
    let put = |ms| bench.send(&put_off(&at(ms))).unwrap();
    put(5_000);
    assert_eq!(due(), None, "it is not in the outbox");
    let first = change(&ann, 0, 1, vec![Write::Event(at(3_000))]);
    assert_eq!(bench.send(&Commit::new(first)).unwrap(), Committed::Recorded);
    for (to, then) in [(5_000, "5000"), (4_000, "5000"), (6_000, "6000")] {
        put(to);
        assert_eq!(due().as_deref(), Some(then));
    }
    bench.send(&remove_event(&ann, &event.id)).unwrap();
    put(7_000);
    assert_eq!(due(), None);
}

#[test]
fn old_actions_without_an_open_challenge_are_forgotten() {
    let (bench, ann) = (Bench::begun(), user("ann"));
    let [old, asked, young] =
        ["old", "asked", "young"].map(|key| action(&ann, key, ActionState::ChallengeRequired));
    let young = Action { created_at: UnixMillis(2_000_000_000_000), ..young };
    let open = challenge(&asked, 1);
    let mut writes: Vec<_> =
        [&old, &asked, &young].map(|action| Write::Track(action.clone().into())).into();
    writes.push(Write::Challenge(open.into()));
    assert_eq!(bench.send(&Commit::new(change(&ann, 0, 1, writes))).unwrap(), Committed::Recorded);
    let account = keys::Names::of(&ann);
    let gone = |before| bench.send(&forget(account, Bucket(before))).unwrap();
    assert_eq!((gone(0), gone(1), gone(1)), (0, 1, 0));
    let again = vec![Write::Track(old.into())];
    assert_eq!(bench.send(&Commit::new(change(&ann, 1, 2, again))).unwrap(), Committed::Recorded);
    let again = vec![Write::Track(asked.into())];
    let known = bench.send(&Commit::new(change(&ann, 2, 3, again))).unwrap();
    assert!(matches!(known, Committed::Known(_)), "{known:?}");
}

#[test]
fn an_account_keeps_its_sixteen_youngest_actions_under_way() {
    let (bench, ann) = (Bench::begun(), user("ann"));
    let pending = |n: u64| action(&ann, &n.to_string(), ActionState::ChallengeRequired);
    for n in 0..18 {
        let change = change(&ann, n, n + 1, vec![Write::Track(pending(n).into())]);
        assert_eq!(bench.send(&Commit::new(change)).unwrap(), Committed::Recorded);
    }
    let mut live = redis::cmd("HGET");
    live.arg(name_of(&ann)).arg("l");
    let live = bench.runtime.block_on(bench.link.one(live)).unwrap();
    let live = super::super::reply::bytes(live).unwrap().unwrap();
    assert_eq!(super::super::live::lifecycles(&live).unwrap().len(), 16);
    // The others are cases, and come back with a challenge and its end.
    let open = challenge(&pending(0), 1);
    let denied = ended(&open, Outcome::Denied);
    for (at, write) in [(18, &open), (19, &denied)] {
        let change = change(&ann, at, at + 1, vec![Write::Challenge(write.clone().into())]);
        assert_eq!(bench.send(&Commit::new(change)).unwrap(), Committed::Recorded);
    }
    for n in 0..18 {
        let again = change(&ann, 20, 21, vec![Write::Track(pending(n).into())]);
        let known = bench.send(&Commit::new(again)).unwrap();
        assert_eq!(known, Committed::Known(Box::new(pending(n))), "{n}");
    }
    let other = change(&ann, 20, 21, vec![Write::Challenge(open.into())]);
    let answer = bench.send(&Commit::new(other)).unwrap();
    assert!(matches!(answer, Committed::Ended { .. }), "{answer:?}");
}
