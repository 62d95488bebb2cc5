//! Answers about accounts with old, removed or damaged records.

use countersign_core::action::ActionState;
use countersign_core::change::Write;
use countersign_core::outcome::Outcome;
use countersign_core::time::UnixMillis;

use super::super::trouble::Trouble;
use super::super::write::{Commit, Track, Tracked};
use super::*;
use crate::ports::store::Committed;

const BEFORE: UnixMillis = UnixMillis(5_000);

impl Bench {
    fn commits<const N: usize>(&self, account: &AccountKey, parent: u64, writes: [Write; N]) {
        let answer = self.send(&Commit::new(change(account, parent, parent + 1, writes.into())));
        assert_eq!(answer.unwrap(), Committed::Recorded);
    }

    fn set(&self, account: &AccountKey, field: &str, value: &[u8]) {
        let mut set = redis::cmd("HSET");
        set.arg(name_of(account)).arg(field).arg(value);
        self.runtime.block_on(self.link.one(set)).unwrap();
    }

    fn get(&self, account: &AccountKey, field: &str) -> Option<Vec<u8>> {
        let mut get = redis::cmd("HGET");
        get.arg(name_of(account)).arg(field);
        super::super::reply::bytes(self.runtime.block_on(self.link.one(get)).unwrap()).unwrap()
    }
}

#[test]
fn an_action_whose_retention_is_over_is_replaced_without_a_trace() {
    let young = UnixMillis(9_000_000_000_000);
    for is_case in [true, false] {
        let (bench, ann) = (Bench::begun(), user("ann"));
        let pending = action(&ann, "one", ActionState::ChallengeRequired);
        let approved = ended(&challenge(&pending, 1), Outcome::Approved);
        bench.commits(&ann, 0, [Write::Track(pending.clone().into())]);
        if is_case {
            let done = Action { state: ActionState::ChallengeSucceeded, ..pending.clone() };
            let writes = [Write::Action(done.into()), Write::Challenge(approved.clone().into())];
            bench.commits(&ann, 1, writes);
        } else {
            bench.commits(&ann, 1, []);
        }
        let fresh = Action { created_at: young, state_updated_at: young, ..pending.clone() };
        let track = |parent| {
            let writes = vec![Write::Track(fresh.clone().into())];
            Track::new(Commit::new(change(&ann, parent, parent + 1, writes)), BEFORE)
        };
        let Tracked::Old(over) = bench.send(&track(2)).unwrap() else { panic!("it is told") };
        assert_eq!(bench.send(&*over).unwrap(), Committed::Recorded);
        assert_eq!(bench.send(&*over).unwrap(), Committed::Recorded, "it is recognised");
        let Tracked::Told(Committed::Known(known)) = bench.send(&track(3)).unwrap() else {
            panic!("it is not known")
        };
        assert_eq!(*known, fresh);
        // Its earlier end is gone with it.
        let open = challenge(&pending, 1);
        bench.commits(&ann, 3, [Write::Challenge(open.into())]);
    }
}

#[test]
fn an_old_action_is_told_while_its_challenge_is_open_or_if_it_has_changed() {
    let (bench, ann) = (Bench::begun(), user("ann"));
    let pending = action(&ann, "one", ActionState::ChallengeRequired);
    let track = |parent| {
        let writes = vec![Write::Track(pending.clone().into())];
        Track::new(Commit::new(change(&ann, parent, 9, writes)), BEFORE)
    };
    bench.commits(&ann, 0, [Write::Track(pending.clone().into())]);
    let Tracked::Old(over) = bench.send(&track(1)).unwrap() else { panic!("it is told") };
    bench.commits(&ann, 1, [Write::Challenge(challenge(&pending, 1).into())]);
    assert!(matches!(bench.send(&*over).unwrap(), Committed::Stale { .. }));
    let told = bench.send(&track(2)).unwrap();
    assert!(matches!(told, Tracked::Told(Committed::Known(_))));
}

#[test]
fn a_late_commit_of_a_removed_user_brings_nobody_back() {
    let (bench, ann) = (Bench::begun(), user("ann"));
    let pending = action(&ann, "one", ActionState::ChallengeRequired);
    let open = challenge(&pending, 1);
    bench.commits(&ann, 0, [Write::Account(record()), Write::Challenge(open.clone().into())]);
    bench.commits(&ann, 1, [Write::RemoveAccount]);
    bench.commits(&ann, 2, [Write::Challenge(ended(&open, Outcome::Cancelled).into())]);
    assert_eq!(bench.get(&ann, "gone").as_deref(), Some(&b"1"[..]));
    let mut life = redis::cmd("PTTL");
    life.arg(name_of(&ann));
    let life = bench.runtime.block_on(bench.link.one(life)).unwrap();
    assert!(matches!(life, Value::Int(ms) if ms > 0), "{life:?}");
}

#[test]
fn what_is_cut_off_is_refused_and_not_written_back() {
    let (bench, ann) = (Bench::begun(), user("ann"));
    let pending = action(&ann, "one", ActionState::ChallengeRequired);
    bench.commits(&ann, 0, [Write::Challenge(challenge(&pending, 1).into())]);
    let live = bench.get(&ann, "l").unwrap();
    let next = || bench.send(&Commit::new(change(&ann, 1, 2, vec![])));
    for (field, damaged) in [("l", &live[..live.len() - 3]), ("b", &b"\x01"[..])] {
        let before = bench.get(&ann, field).unwrap_or_default();
        bench.set(&ann, field, damaged);
        let refused = next();
        assert!(matches!(&refused, Err(Trouble::Refused(why)) if why.contains("cut off")));
        assert_eq!(bench.get(&ann, field).as_deref(), Some(damaged), "{field}");
        let again = bench.send(&Commit::new(change(&ann, 0, 1, vec![])));
        assert_eq!(again.unwrap(), Committed::Recorded, "it was recorded before");
        bench.set(&ann, field, &before);
    }
    assert_eq!(next().unwrap(), Committed::Recorded);
}

#[test]
fn the_cases_of_a_user_who_is_removed_twice_are_kept_together() {
    let (bench, ann) = (Bench::begun(), user("ann"));
    for (n, parent) in [(1_u8, 0), (2, 2)] {
        let key = n.to_string();
        let failed = action(&ann, &key, ActionState::ChallengeFailed);
        let over = ended(&challenge(&failed, n), Outcome::Denied);
        let writes = [Write::Action(failed.into()), Write::Challenge(over.into())];
        bench.commits(&ann, parent, writes);
        bench.commits(&ann, parent + 1, [Write::RemoveAccount]);
        let left = keys::Names::of(&ann).left(keys::Bucket(0));
        let mut count = redis::cmd("HLEN");
        count.arg(&left);
        let count = bench.runtime.block_on(bench.link.one(count)).unwrap();
        assert_eq!(count, Value::Int(i64::from(n)));
    }
}
