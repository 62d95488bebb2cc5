//! Counts of a lifecycle: the commands that the scripts run.

use std::collections::BTreeMap;

use countersign_core::action::ActionState;
use countersign_core::change::Write;
use countersign_core::outcome::Outcome;

use super::super::write::Commit;
use super::*;
use crate::ports::store::Committed;

/// Largest number of commands that the scripts may run for a lifecycle of three commits.
const COMMANDS_MAX: u64 = 16;

impl Bench {
    /// Returns the numbers of calls by command since the last reset.
    fn calls(&self) -> BTreeMap<String, u64> {
        let told = self.command(&["INFO", "commandstats"]);
        let told = super::super::reply::text(told).unwrap().unwrap();
        let line = |line: &str| {
            let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
            Some((name.to_owned(), rest.split(',').next()?.parse().ok()?))
        };
        told.lines().filter_map(line).collect()
    }
}

#[test]
fn a_lifecycle_takes_few_commands() {
    let (bench, ann) = (Bench::begun(), user("ann"));
    let commit = |parent, writes| {
        let change = change(&ann, parent, parent + 1, writes);
        assert_eq!(bench.send(Commit::new(change)).unwrap(), Committed::Recorded);
    };
    commit(0, vec![Write::Account(record())]);
    let lifecycle = |parent, key: &str, n| {
        let pending = action(&ann, key, ActionState::ChallengeRequired);
        let (done, open) = (action(&ann, key, ActionState::ChallengeSucceeded), challenge(&pending, n));
        let approved = ended(&open, Outcome::Approved);
        commit(parent, vec![Write::Track(pending.into())]);
        commit(parent + 1, vec![Write::Account(record()), Write::Challenge(open.into())]);
        commit(parent + 2, vec![
            Write::Account(record()),
            Write::Action(done.into()),
            Write::Challenge(approved.into()),
        ]);
    };
    // The first lifecycle of an account begins its first bucket.
    lifecycle(1, "first", 1);
    bench.command(&["CONFIG", "RESETSTAT"]);
    lifecycle(4, "second", 2);
    let calls = bench.calls();
    let outside = ["info", "config|resetstat", "evalsha", "eval"];
    let inside = calls.iter().filter(|(name, _)| !outside.contains(&name.as_str()));
    let inside: u64 = inside.map(|(_, calls)| calls).sum();
    assert!(inside <= COMMANDS_MAX, "{inside}: {calls:?}");
}
