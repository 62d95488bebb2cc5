//! Tests of the pool: every caller gets its own verdict, a full queue refuses, and a flood of bad
//! signatures only stops batching.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_core::signature::{Algorithm, PublicKey};
use ed25519_dalek::{Signer as _, SigningKey};
use futures_util::future::{FutureExt as _, join, join_all};
use proptest::prelude::*;

use super::*;
use crate::system::SystemEntropy;

const P256_KEY: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEMj+6XmuroBhoQF4q0gx0Ojry17BhXtf4s\
                        KvkSn2YN6S9AKWfZgbqfVeZmhIJW9qhyIxt49tBlO91/QQeuRjX6A==";
/// Signature by [`P256_KEY`] over [`P256_MESSAGE`].
const P256_SIGNATURE: &str = "MEUCIEXM6xp6d/pamCwtagodTTdfBe3cnZJTuH9CQvCpYoWpAiEA2zp4ZVQzWkW9\
                              S3Yi+8MMpL3eaG+UfDoVdedR/nG6nyc=";
const P256_MESSAGE: &[u8] = b"challenge-123";

#[derive(Clone, Copy, Debug)]
enum Kind {
    Good,
    OtherMessage,
    Malformed,
    OneOfTwo,
    GoodP256,
    BadP256,
}

const KINDS: [Kind; 6] = [
    Kind::Good,
    Kind::OtherMessage,
    Kind::Malformed,
    Kind::OneOfTwo,
    Kind::GoodP256,
    Kind::BadP256,
];

impl Kind {
    const fn is_good(self) -> bool {
        matches!(self, Self::Good | Self::OneOfTwo | Self::GoodP256)
    }
}

fn ed25519(seed: u8, message: &[u8]) -> (PublicKey, Vec<u8>) {
    let signer = SigningKey::from_bytes(&[seed; 32]);
    let prefix = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    let spki = [&prefix[..], signer.verifying_key().as_bytes()].concat();
    let key = PublicKey::from_spki(Algorithm::Ed25519, &spki).unwrap();
    (key, signer.sign(message).to_bytes().to_vec())
}

fn check(kind: Kind, seed: u8) -> Check {
    let message = vec![seed; 32];
    let (key, mut signature) = ed25519(seed, &message);
    match kind {
        Kind::Good => Check::new(key, message, signature),
        Kind::OtherMessage => Check::new(key, b"another".to_vec(), signature),
        Kind::Malformed => {
            signature.truncate(63);
            Check::new(key, message, signature)
        }
        Kind::OneOfTwo => Check::any_of(key, vec![b"another".to_vec(), message], signature),
        Kind::GoodP256 => p256(P256_MESSAGE),
        Kind::BadP256 => p256(b"challenge-124"),
    }
}

fn p256(message: &[u8]) -> Check {
    let spki = STANDARD.decode(P256_KEY).unwrap();
    let key = PublicKey::from_spki(Algorithm::Es256, &spki).unwrap();
    Check::new(key, message.to_vec(), STANDARD.decode(P256_SIGNATURE).unwrap())
}

fn good(count: usize) -> Vec<Check> {
    (1..).take(count).map(|seed| check(Kind::Good, seed)).collect()
}

/// Makes `count` checks: one with a bad signature, and all others with good ones.
fn poisoned(count: usize) -> Vec<Check> {
    let mut checks = good(count - 1);
    checks.push(check(Kind::OtherMessage, 1));
    checks
}

/// Source of random bytes that counts batches, because each batch requests random bytes once, and
/// that panics on demand.
#[derive(Default)]
struct CountingEntropy {
    batches: AtomicUsize,
    panics: AtomicBool,
}

impl Entropy for CountingEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        assert!(!self.panics.load(Ordering::Relaxed), "a bug in a check");
        self.batches.fetch_add(1, Ordering::Relaxed);
        SystemEntropy.fill(bytes);
    }
}

impl CountingEntropy {
    fn batches(&self) -> usize {
        self.batches.load(Ordering::Relaxed)
    }
}

/// Queues all checks before the pool's only thread starts to work, and returns their verdicts.
async fn together(verifier: &Verifier, checks: Vec<Check>) -> Vec<Result<Verdict, Error>> {
    let release = occupy(verifier);
    let asked = join_all(checks.into_iter().map(|check| verifier.check(check)));
    let (verdicts, ()) = join(asked, async { release.send(()).unwrap() }).await;
    verdicts
}

/// Makes a verifier that runs every check on the pool, even a lone one.
fn pooled(threads: usize, queue_max: usize, entropy: Arc<dyn Entropy>) -> Verifier {
    let mut verifier = Verifier::start(threads, queue_max, entropy);
    verifier.inline = None;
    verifier
}

fn occupy(verifier: &Verifier) -> mpsc::Sender<()> {
    let (release, held) = mpsc::channel::<()>();
    let (occupied, is_occupied) = mpsc::channel();
    let pool = verifier.pool.clone();
    std::thread::spawn(move || {
        let _gate = pool.gate.lock();
        occupied.send(()).unwrap();
        let _ = held.recv();
    });
    is_occupied.recv().unwrap();
    release
}

fn is_good(verdict: &Result<Verdict, Error>) -> bool {
    matches!(verdict, Ok(Ok(_)))
}

#[tokio::test]
async fn a_full_queue_refuses_before_any_work() {
    let verifier = pooled(1, 2, Arc::new(SystemEntropy));
    let verdicts = together(&verifier, good(3)).await;
    assert!(is_good(&verdicts[0]) && is_good(&verdicts[1]));
    assert!(matches!(verdicts[2], Err(Error::Unavailable(_))));
    assert!(is_good(&verifier.check(check(Kind::Good, 1)).await), "there is room again");
}

/// Waits until the next check counts as one after a pause.
fn pause(verifier: &Verifier) {
    let watch = Stopwatch::start();
    while watch.seconds() * 1e6 <= inline::PAUSE_US as f64 {
        assert_eq!(verifier.permits.taken(), 0);
        std::hint::spin_loop();
    }
}

#[tokio::test]
async fn a_lone_check_is_made_where_it_is_asked_for_and_the_next_is_not() {
    let verifier = Verifier::start(1, 2, Arc::new(SystemEntropy));
    // The pool does nothing until it is released.
    let release = occupy(&verifier);
    for kind in [Kind::Good, Kind::GoodP256, Kind::OtherMessage, Kind::Malformed] {
        pause(&verifier);
        let verdict = verifier.check(check(kind, 1)).now_or_never().expect("at once").unwrap();
        assert_eq!(verdict.is_ok(), kind.is_good(), "{kind:?}");
    }
    // A check over several messages runs on the pool, and so does a check that is requested while
    // it is queued.
    pause(&verifier);
    let mut several = Box::pin(verifier.check(check(Kind::OneOfTwo, 1)));
    assert!((&mut several).now_or_never().is_none());
    let mut beside = Box::pin(verifier.check(check(Kind::Good, 1)));
    assert!((&mut beside).now_or_never().is_none());
    release.send(()).unwrap();
    let (several, beside) = join(several, beside).await;
    assert!(is_good(&several) && is_good(&beside));
}

#[tokio::test]
async fn a_turn_that_panics_is_no_verdict_and_the_pool_goes_on() {
    let entropy = Arc::new(CountingEntropy::default());
    let verifier = pooled(1, 2, entropy.clone());
    entropy.panics.store(true, Ordering::Relaxed);
    let lost = together(&verifier, good(2)).await;
    assert!(lost.iter().all(|verdict| matches!(verdict, Err(Error::Unavailable(_)))));
    entropy.panics.store(false, Ordering::Relaxed);
    let found = together(&verifier, good(2)).await;
    assert!(found.iter().all(is_good), "both places are free, and the worker still works");
}

#[tokio::test]
async fn what_queued_while_the_pool_was_busy_is_one_batch() {
    let entropy = Arc::new(CountingEntropy::default());
    let verifier = pooled(1, queue::BATCH_MAX, entropy.clone());
    assert!(together(&verifier, good(queue::BATCH_MAX)).await.iter().all(is_good));
    assert_eq!(entropy.batches(), 1);
    assert!(is_good(&verifier.check(check(Kind::Good, 1)).await));
    assert_eq!(entropy.batches(), 1, "one alone is no batch");
}

#[tokio::test]
async fn what_nobody_waits_for_is_not_checked() {
    let entropy = Arc::new(CountingEntropy::default());
    let verifier = pooled(1, 2, entropy.clone());
    let release = occupy(&verifier);
    let mut gone: Vec<_> =
        good(2).into_iter().map(|check| Box::pin(verifier.check(check))).collect();
    for asked in &mut gone {
        assert!(asked.now_or_never().is_none());
    }
    drop(gone);
    release.send(()).unwrap();
    // The check is refused as long as the abandoned checks hold their permits, and is queued behind
    // them.
    while verifier.check(check(Kind::Good, 1)).await.is_err() {
        tokio::task::yield_now().await;
    }
    assert_eq!(entropy.batches(), 0);
}

#[tokio::test]
async fn a_flood_of_bad_signatures_stops_batching_and_batches_come_back() {
    let entropy = Arc::new(CountingEntropy::default());
    let verifier = pooled(1, queue::BATCH_MAX, entropy.clone());
    for _ in 0..20 {
        let verdicts = together(&verifier, poisoned(queue::BATCH_MAX)).await;
        assert_eq!(verdicts.iter().filter(|v| !is_good(v)).count(), 1);
    }
    let after_flood = entropy.batches();
    assert!(after_flood < 20, "{after_flood} batches");
    assert!(together(&verifier, poisoned(queue::BATCH_MAX)).await.iter().any(is_good));
    assert_eq!(entropy.batches(), after_flood, "each is checked alone");

    let mut rounds = 0;
    while entropy.batches() == after_flood {
        assert!(together(&verifier, good(queue::BATCH_MAX)).await.iter().all(is_good));
        rounds += 1;
        assert!(rounds < 100, "batching has not come back");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn every_caller_gets_its_own_verdict(
        asked in prop::collection::vec((prop::sample::select(&KINDS[..]), 1..=u8::MAX), 1..150),
        threads in 1_usize..4,
        queued_first: bool,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let verifier = pooled(threads, 150, Arc::new(SystemEntropy));
        let checks: Vec<_> = asked.iter().map(|(kind, seed)| check(*kind, *seed)).collect();
        let verdicts = runtime.block_on(async {
            if queued_first {
                together(&verifier, checks).await
            } else {
                join_all(checks.into_iter().map(|check| verifier.check(check))).await
            }
        });
        for ((kind, seed), verdict) in asked.into_iter().zip(verdicts) {
            let verdict = verdict.unwrap();
            prop_assert_eq!(verdict.is_ok(), kind.is_good(), "{:?} {}", kind, seed);
            let Ok(proof) = verdict else { continue };
            let own = if matches!(kind, Kind::GoodP256) { P256_MESSAGE } else { &[seed; 32] };
            prop_assert_eq!(proof.message(), own);
        }
    }
}
