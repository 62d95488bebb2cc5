//! Fuzz test of HTTP/2: sends generated frames to both listeners of the real program.
//!
//! Each sequence is a pure function of its seed (`generator`). `COUNTERSIGN_FUZZ_SEQUENCES` sets
//! the number of sequences (20,000 by default), and `COUNTERSIGN_FUZZ_SEED` the first seed. During
//! the whole run, `watch` checks that every worker answers other clients, that the process lives,
//! and that its memory stays below a limit. At the end, no descriptor may be left open. A failed
//! run names the seeds that also fail alone. Add those to `corpus`, whose sequences a test replays.

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

/// Default number of sequences.
const SEQUENCES: u64 = 20_000;
/// Sequences that are sent concurrently. The operators' listener accepts only 64 connections.
const TOGETHER: usize = 32;
/// Divisor of the sequences: at least one in this many must be read by the server to its end,
/// because a sequence that is cut off tests little.
const READ_SHARE: u64 = 10;
/// Number of sequences before a failure that are replayed alone.
const SUSPECTS: usize = 256;
/// Number of replays of each suspect, so that every worker receives it.
const TIMES: usize = 4;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap())
}

/// Sends the sequences of these seeds. An error also returns the seeds that were sent last before
/// the failure.
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

/// Replays each suspect alone, and returns the first seed that harms the server.
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
