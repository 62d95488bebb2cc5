//! Thousands of runs, each generated from a seed: the core over a store that loses, delays and
//! repeats commits, with crashes of the process and a clock that is set back. Every invariant is
//! checked after every step.
//!
//! The same seed gives the same run on every machine. A run that fails prints its seed and its log;
//! `COUNTERSIGN_SEED=n` repeats it. `COUNTERSIGN_SEEDS` sets the number of runs (default
//! [`SEEDS`]).

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use proptest::collection::vec;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::event::{self, Step};
use crate::run_logged;

const SEEDS: u64 = 4000;
/// Number of tests among which the runs are divided, so that they run in parallel.
const SHARES: u64 = 2;

fn steps(seed: u64) -> Vec<Step> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    vec(event::step(), 20..60).new_tree(&mut runner).unwrap().current()
}

fn live(seed: u64) {
    let mut log = Vec::new();
    let lived = catch_unwind(AssertUnwindSafe(|| run_logged(&steps(seed), &mut log)));
    if let Err(panic) = lived {
        let mut out = std::io::stderr().lock();
        writeln!(out, "COUNTERSIGN_SEED={seed}").unwrap();
        log.iter().for_each(|line| writeln!(out, "{line}").unwrap());
        resume_unwind(panic);
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap())
}

fn share(first: u64) {
    if let Some(seed) = number("COUNTERSIGN_SEED") {
        return live(seed);
    }
    let seeds = number("COUNTERSIGN_SEEDS").unwrap_or(SEEDS);
    (0..seeds).filter(|seed| seed % SHARES == first).for_each(live);
}

#[test]
fn every_even_seed_keeps_the_invariants() {
    share(0);
}

#[test]
fn every_odd_seed_keeps_the_invariants() {
    share(1);
}

#[test]
fn a_seed_is_the_same_life_every_time() {
    let log = |seed| {
        let mut log = Vec::new();
        run_logged(&steps(seed), &mut log);
        log
    };
    assert_eq!(log(7), log(7));
    assert_ne!(log(7), log(8));
}
