//! HTTP/2 from outside, fuzzed: the real program gets generated frames on both listeners.
//!
//! Each sequence is a pure function of its seed (`generator`). `COUNTERSIGN_FUZZ_SEQUENCES` says
//! how many are sent, 20,000 by default, and `COUNTERSIGN_FUZZ_SEED` which is the first. During the
//! whole run the server has to answer others on every worker, live, and stay within a bound of
//! memory (`watch`); at the end no descriptor may be left. A run that fails names the seeds that
//! fail alone: put them into `corpus`, which is replayed by tests of its own.

#![expect(clippy::unwrap_used, reason = "a test stops where its ground is missing")]

mod corpus;
mod generator;
mod play;
mod server;
mod watch;

use std::cell::RefCell;
use std::collections::VecDeque;

use futures_util::{StreamExt as _, stream};

use generator::plan;
use server::Server;
use watch::Watch;

/// Sequences that are sent without another wish.
const SEQUENCES: u64 = 20_000;
/// Sequences that are under way together. The operators' listener has room for 64 connections.
const TOGETHER: usize = 32;
/// One in so many sequences, at least, has to be read to its end: the others say little.
const READ_SHARE: u64 = 10;
/// Sequences before a failure that are looked at alone.
const SUSPECTS: usize = 256;
/// Times that a suspect is sent: every worker gets it.
const TIMES: usize = 4;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap())
}

/// Sends the sequences of these seeds. An error has the latest of them too.
async fn fuzzed(seeds: std::ops::Range<u64>) -> Result<(), (String, Vec<u64>)> {
    let sequences = seeds.end - seeds.start;
    let server = Server::start();
    let watch = Watch::begin(&server).await;
    let recent = RefCell::new(VecDeque::new());
    let sent = stream::iter(seeds)
        .map(|seed| {
            let mut recent = recent.borrow_mut();
            recent.push_back(seed);
            if recent.len() > SUSPECTS {
                recent.pop_front();
            }
            play::play(&server, plan(seed))
        })
        .buffer_unordered(TOGETHER)
        .fold(0, |read, is_read| async move { read + u64::from(is_read) });
    let result = tokio::select! {
        read = sent => match watch.ends().await {
            Ok(()) if read < sequences / READ_SHARE => Err(format!("only {read} were read")),
            ended => ended,
        },
        error = watch.fails() => Err(error),
    };
    result.map_err(|error| (error, recent.into_inner().into()))
}

/// The first of these seeds whose sequence alone does harm.
async fn guilty(suspects: Vec<u64>) -> Option<u64> {
    let server = Server::start();
    let watch = Watch::begin(&server).await;
    for seed in suspects {
        for _ in 0..TIMES {
            play::play(&server, plan(seed)).await;
        }
        if watch.look().await.is_err() {
            return Some(seed);
        }
    }
    None
}

#[tokio::test]
async fn generated_sequences_do_no_harm() {
    let first = number("COUNTERSIGN_FUZZ_SEED").unwrap_or(0);
    let sequences = number("COUNTERSIGN_FUZZ_SEQUENCES").unwrap_or(SEQUENCES);
    let Err((error, suspects)) = fuzzed(first..first + sequences).await else { return };
    let latest = suspects.last().copied();
    let seed = guilty(suspects).await;
    panic!("{error}, by seed {latest:?} at the latest; alone does it: {seed:?}");
}

#[tokio::test]
async fn every_kept_sequence_does_no_harm() {
    let server = Server::start();
    let watch = Watch::begin(&server).await;
    for (name, plan) in corpus::kept() {
        for to_operators in [true, false] {
            for _ in 0..TIMES {
                let plan = generator::Plan { to_operators, ..plan.clone() };
                play::play(&server, plan).await;
            }
            watch.look().await.unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
    watch.ends().await.unwrap();
}

#[test]
fn a_seed_always_gives_the_same_sequence() {
    for seed in 0..1000 {
        assert_eq!(plan(seed), plan(seed));
    }
}
