//! Tests of random mixtures of valid and invalid signatures. Each signature gets the same result
//! alone, in every batch and by bisection, and a second implementation agrees.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};

use countersign_core::signature::{Check, verify_all, verify_batch};
use ed25519_zebra::{Signature, VerificationKey};
use fastrand::Rng;

use crate::draw::{coefficients, pick};
use crate::forge::{Forged, Kind, cancelling_pair, forge};

/// Default number of mixtures.
const COMPOSITIONS: u64 = 20_000;
/// Environment variable that sets the number of mixtures.
const COMPOSITIONS_VARIABLE: &str = "COUNTERSIGN_COMPOSITIONS";
/// Number of mixtures that are drawn from one shelf, which is a set of signatures.
const PER_SHELF: u64 = 2_000;
/// Number of signatures of each kind on a shelf.
const OF_EACH_KIND: usize = 24;
/// Size of a large batch. Above 94 signatures, the curve library multiplies with another algorithm.
const LARGE: usize = 120;

struct Item {
    check: Check,
    accepted: bool,
}

/// Makes signatures of every kind, and checks each alone with both implementations.
fn shelf(random: &mut Rng) -> Vec<Item> {
    let mut forged: Vec<Forged> = Vec::new();
    for kind in Kind::ALL {
        forged.extend((0..OF_EACH_KIND).map(|_| forge(kind, random)));
    }
    forged.extend((0..OF_EACH_KIND).flat_map(|_| cancelling_pair(random)));
    forged.iter().map(item).collect()
}

fn item(forged: &Forged) -> Item {
    let check = forged.check();
    let kind = forged.kind;
    let accepted = check.clone().verify().is_ok();
    assert_eq!(accepted, kind.is_accepted(), "{forged:?}");
    assert_eq!(second_opinion(forged), kind.is_accepted_by_zip_215(), "{forged:?}");
    Item { check, accepted }
}

fn second_opinion(forged: &Forged) -> bool {
    let key = VerificationKey::try_from(forged.key).unwrap();
    let signature = Signature::from_slice(&forged.signature);
    signature.is_ok_and(|signature| key.verify(&signature, &forged.message).is_ok())
}

/// Draws signatures from a shelf: only valid ones, mostly valid ones, or any.
fn draw<'s>(shelf: &'s [Item], random: &mut Rng) -> Vec<&'s Item> {
    let size = if random.usize(..200) == 0 { LARGE } else { 1 + random.usize(..16) };
    let mostly_good = random.usize(..3);
    let mut drawn: Vec<&Item> = Vec::with_capacity(size);
    while drawn.len() < size {
        let item = pick(random, shelf);
        let wanted = match mostly_good {
            0 => item.accepted,
            1 => item.accepted || random.usize(..16) == 0,
            _ => true,
        };
        if wanted {
            drawn.push(item);
        }
    }
    drawn
}

/// Checks the mixtures of one shelf, and returns the different numbers of invalid signatures in a
/// mixture.
fn check_shelf(number: u64, mixtures: u64) -> HashSet<usize> {
    let mut random = Rng::with_seed(number);
    let shelf = shelf(&mut random);
    let mut sizes_of_bad = HashSet::new();
    for mixture in 0..mixtures {
        let drawn = draw(&shelf, &mut random);
        let checks: Vec<_> = drawn.iter().map(|item| item.check.clone()).collect();
        let coefficients = coefficients(&mut random, checks.len());
        let expected: Vec<_> = drawn.iter().map(|item| item.accepted).collect();
        let all_good = expected.iter().all(|good| *good);
        sizes_of_bad.insert(expected.iter().filter(|good| !**good).count());

        let whole = verify_batch(&checks, &coefficients);
        assert_eq!(whole.is_ok(), all_good, "shelf {number}, mixture {mixture}: the batch");
        let each = verify_all(checks, &coefficients);
        let each: Vec<_> = each.iter().map(Result::is_ok).collect();
        assert_eq!(each, expected, "shelf {number}, mixture {mixture}: each");
    }
    sizes_of_bad
}

/// Each processor core checks one shelf after another. A shelf's content depends only on its
/// number.
#[test]
fn every_signature_has_one_verdict_alone_in_every_batch_and_by_bisection() {
    let count = std::env::var(COMPOSITIONS_VARIABLE);
    let count: u64 = count.map_or(COMPOSITIONS, |count| count.parse().unwrap());
    let (next, shelves) = (AtomicU64::new(0), count.div_ceil(PER_SHELF));
    let work = || {
        let mut sizes_of_bad = HashSet::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= shelves {
                return sizes_of_bad;
            }
            let mixtures = PER_SHELF.min(count - number * PER_SHELF);
            sizes_of_bad.extend(check_shelf(number, mixtures));
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, Into::into);
    let sizes_of_bad: HashSet<usize> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(
        sizes_of_bad.len() > 10,
        "batches with many numbers of bad signatures: {sizes_of_bad:?}"
    );
}

#[test]
fn errors_that_cancel_out_in_a_plain_sum_do_not_pass() {
    let mut random = Rng::with_seed(1);
    for _ in 0..20 {
        let pair = cancelling_pair(&mut random).map(|forged| forged.check()).to_vec();
        let coefficients = coefficients(&mut random, 2);
        assert!(verify_batch(&pair, &coefficients).is_err());
        assert!(verify_all(pair.clone(), &coefficients).iter().all(Result::is_err));
        // With equal factors the two errors cancel out, so the batch passes.
        assert!(verify_batch(&pair, &[[7; 16]; 2]).is_ok(), "the pair is a cancelling one");
    }
}
