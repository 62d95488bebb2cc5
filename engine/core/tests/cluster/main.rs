//! Simulation of many nodes over one Redis, from seeds. It tests the rules by which a commit is
//! recorded, a record is read and a poll is woken, with the core's own transitions.
//!
//! A run takes eleven seconds of simulated time, with three nodes, their clients, lost replies and
//! news, and other faults. The checker receives every answer. The same seed gives the same run on
//! every machine. Three environment variables select runs: `COUNTERSIGN_SIMULATIONS` is the number
//! of seeds for each setup, `COUNTERSIGN_SEED` repeats one seed, and `COUNTERSIGN_RULE` restricts
//! the test without a rule to one rule.

#![expect(clippy::expect_used, reason = "a test may end by it")]

mod call;
mod checker;
mod clients;
mod faults;
mod message;
mod names;
mod node;
mod queue;
mod redis;
mod rules;
mod server;
mod world;

use std::collections::BTreeSet;

use crate::rules::{Circumstances, RULES, Rule, Setup};
use crate::world::live;

/// Default number of runs for each setup of Redis.
const SEEDS: u64 = 500;
/// Maximum number of runs without a rule. One of them has to break an invariant.
const SEEDS_WITHOUT_RULE: u64 = 4_000;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

/// Cases that the runs of every setup reach.
const COMMON: [&str; 9] = [
    "a conflict",
    "a gap in the news",
    "a node that slept",
    "a unit that may be recorded",
    "a unit that was recorded before",
    "an epoch",
    "an epoch that a node did not know",
    "news that were lost",
    "news that were missed",
];

/// Runs all seeds with a setup of Redis. No run may break an invariant. Together they have to reach
/// exactly the cases of [`COMMON`] and of `own`.
fn live_all(setup: Setup, own: &[&'static str]) {
    let rules = Circumstances { setup, without: None };
    if let Some(seed) = number("COUNTERSIGN_SEED") {
        assert_eq!(live(seed, rules).err(), None, "{setup:?}");
        return;
    }
    let mut reached = BTreeSet::new();
    for seed in 0..number("COUNTERSIGN_SIMULATIONS").unwrap_or(SEEDS) {
        let counts = live(seed, rules);
        assert_eq!(counts.as_ref().err(), None, "COUNTERSIGN_SEED={seed} {setup:?}");
        reached.extend(counts.into_iter().flatten().map(|(what, _)| what));
    }
    assert_eq!(reached, COMMON.iter().chain(own).copied().collect(), "{setup:?}");
}

#[test]
fn one_redis_that_syncs_every_write_keeps_the_invariants() {
    live_all(Setup::Alone, &["a Redis that died", "a node that died"]);
}

#[test]
fn a_replica_that_confirms_every_write_keeps_the_invariants() {
    let own = [
        "a commit that was not confirmed",
        "a fail-over",
        "a node that died",
        "a read from another place",
        "a read without a confirmed write",
        "a request to a primary that is replaced",
        "a request to a server that nobody has opened",
    ];
    live_all(Setup::Replicated, &own);
}

#[test]
fn a_redis_that_loses_its_last_writes_is_found_out() {
    live_all(Setup::Lossy, &["a Redis that died", "a loss that a node noticed"]);
}

#[test]
fn a_replica_that_took_over_without_the_last_writes_is_found_out() {
    let own = [
        "a fail-over",
        "a loss that a node noticed",
        "a read from another place",
        "a request to a primary that is replaced",
        "a request to a server that nobody has opened",
    ];
    live_all(Setup::Unconfirmed, &own);
}

/// Returns the setup of Redis in which the absence of a rule breaks an invariant.
const fn setup_for(rule: Rule) -> Setup {
    match rule {
        Rule::Parent
        | Rule::CommitId
        | Rule::Forgotten
        | Rule::FirstLook
        | Rule::InterestFirst
        | Rule::Gap
        | Rule::Check => Setup::Alone,
        Rule::ReadGuard | Rule::Wait | Rule::ReadConfirmed | Rule::EndConfirmed => {
            Setup::Replicated
        }
        Rule::Compare => Setup::Lossy,
        Rule::Epoch | Rule::Identity => Setup::Unconfirmed,
    }
}

#[test]
fn without_any_one_rule_a_run_breaks_an_invariant() {
    let only = std::env::var("COUNTERSIGN_RULE").ok();
    let chosen = |rule: &Rule| only.as_ref().is_none_or(|only| *only == format!("{rule:?}"));
    let is_needless = |rule: &Rule| {
        let without = Circumstances { setup: setup_for(*rule), without: Some(*rule) };
        (0..SEEDS_WITHOUT_RULE).all(|seed| live(seed, without).is_ok())
    };
    let needless: Vec<_> = RULES.into_iter().filter(chosen).filter(is_needless).collect();
    assert!(needless.is_empty(), "no run needs {needless:?}");
}
