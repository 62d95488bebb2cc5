//! Many nodes over one Redis, simulated from seeds: the rules by which a commit is recorded, a
//! record is read and a poll is woken, over the core's own transitions.
//!
//! Each rule can be left out; then a run has to break an invariant. `COUNTERSIGN_SIMULATIONS` says
//! how many seeds there are, `COUNTERSIGN_SEED=n` repeats one.

#![expect(clippy::expect_used, clippy::panic, reason = "a test may end by either")]

mod call;
mod checker;
mod faults;
mod names;
mod node;
mod redis;
mod rules;
mod server;
mod world;

use crate::rules::{Circumstances, RULES, Rule, SETUPS, Setup};
use crate::world::{Reached, live};

const SEEDS: u64 = 2_000;
/// Seeds until the absence of a rule has to be seen, at most.
const SEEDS_WITHOUT_RULE: u64 = 4_000;

/// Everything that the seeds of CI have to reach.
const TO_REACH: [&str; 17] = [
    "a Redis that died",
    "a commit that was not confirmed",
    "a conflict",
    "a fail-over",
    "a gap in the news",
    "a loss that a node noticed",
    "a node that died",
    "a node that slept",
    "a read from another place",
    "a read without a confirmed write",
    "a request to a primary that is replaced",
    "a unit that may be recorded",
    "a unit that was recorded before",
    "an epoch",
    "an epoch that a node did not know",
    "news that were lost",
    "news that were missed",
];

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

fn setup_of(seed: u64) -> Setup {
    let setups = u64::try_from(SETUPS.len()).expect("few");
    SETUPS[usize::try_from(seed % setups).expect("few")]
}

#[test]
fn no_run_breaks_an_invariant_and_together_they_reach_every_fault() {
    let all = |setup| Circumstances { setup, without: None };
    if let Some(seed) = number("COUNTERSIGN_SEED") {
        live(seed, all(setup_of(seed))).unwrap_or_else(|broken| panic!("{broken}"));
        return;
    }
    let mut reached = Reached::new();
    for seed in 0..number("COUNTERSIGN_SIMULATIONS").unwrap_or(SEEDS) {
        let setup = setup_of(seed);
        match live(seed, all(setup)) {
            Ok(counts) => {
                counts.into_iter().for_each(|(what, n)| *reached.entry(what).or_default() += n);
            }
            Err(broken) => panic!("COUNTERSIGN_SEED={seed} ({setup:?}): {broken}"),
        }
    }
    let missed: Vec<_> = TO_REACH.iter().filter(|what| !reached.contains_key(*what)).collect();
    assert!(missed.is_empty(), "not reached: {missed:?}; reached: {reached:?}");
    assert_eq!(reached.len(), TO_REACH.len(), "{reached:?}");
}

/// The Redis under which the absence of a rule does harm.
const fn setup_for(rule: Rule) -> Setup {
    match rule {
        Rule::Parent
        | Rule::CommitId
        | Rule::Forgotten
        | Rule::FirstLook
        | Rule::InterestFirst
        | Rule::Gap
        | Rule::Check => Setup::Alone,
        Rule::Epoch | Rule::ReadGuard | Rule::Wait | Rule::ReadConfirmed | Rule::EndConfirmed => {
            Setup::Replicated
        }
        Rule::Compare => Setup::Lossy,
    }
}

#[test]
fn without_any_one_rule_a_run_breaks_an_invariant() {
    let mut needless = Vec::new();
    for rule in RULES {
        let without = Circumstances { setup: setup_for(rule), without: Some(rule) };
        let broken =
            (0..SEEDS_WITHOUT_RULE).find_map(|seed| Some((seed, live(seed, without).err()?)));
        match broken {
            Some((seed, broken)) => println!("without {rule:?}: seed {seed}: {broken}"),
            None => needless.push(rule),
        }
    }
    assert!(needless.is_empty(), "no run needs {needless:?}");
}
