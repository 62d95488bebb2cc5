//! Tests with known keys and signatures, which must verify, and with slightly changed ones, which
//! must not.

#![expect(clippy::unwrap_used, reason = "helpers of tests: a panic is a failed test")]

mod ed25519;
mod p256;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_core::decision::{SignedDecision, check_unasked};
use countersign_core::device::Signing;
use countersign_core::id::ChallengeId;
use countersign_core::outcome::Decision;
use countersign_core::possession::{check_removal, removal_text_at};
use countersign_core::signature::{Algorithm, InvalidSignature, PublicKey};
use countersign_core::time::UnixMillis;

/// The `publicKey` of a request of an official SDK.
const PUBLIC_KEY: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEMj+6XmuroBhoQF4q0gx0Ojry17BhXtf4s\
                          KvkSn2YN6S9AKWfZgbqfVeZmhIJW9qhyIxt49tBlO91/QQeuRjX6A==";
/// Signature of the text `challenge-123`.
const CHALLENGE_SIGNATURE: &str = "MEUCIEXM6xp6d/pamCwtagodTTdfBe3cnZJTuH9CQvCpYoWpAiEA2zp4ZVQzWkW9\
                                   S3Yi+8MMpL3eaG+UfDoVdedR/nG6nyc=";
/// Signature of the number of the time window at [`SIGNED_AT`].
const REMOVAL_SIGNATURE: &str = "MEUCIEnCXdac3k7838BaBtW7Ucp4C2ET9oU0LPBgJBTtNfzRAiEAxxW68HnA8eAuu2\
                                 NSCoLUtAF8MuIqsVjX4IOuPGj13d4=";
const SIGNED_AT: u64 = 1_735_689_600;
const WINDOW_SECONDS: u64 = 600;

fn decoded(base64: &str) -> Vec<u8> {
    STANDARD.decode(base64).unwrap()
}

fn phone_key() -> PublicKey {
    PublicKey::from_spki(Algorithm::Es256, &decoded(PUBLIC_KEY)).unwrap()
}

/// Returns the first second of the window that is `by` windows after the signed one.
fn window(by: i64) -> u64 {
    SIGNED_AT.checked_add_signed(by * WINDOW_SECONDS.cast_signed()).unwrap()
}

fn seconds(seconds: u64) -> UnixMillis {
    UnixMillis(seconds * 1000)
}

#[test]
fn the_key_of_an_official_sdk_parses_and_keeps_its_encoding() {
    let key = phone_key();
    assert_eq!(STANDARD.encode(key.spki()), PUBLIC_KEY);
    assert_eq!(key.algorithm(), Algorithm::Es256);
}

#[test]
fn the_signature_of_an_official_sdk_over_a_challenge_verifies() {
    let signature = decoded(CHALLENGE_SIGNATURE);
    assert_eq!(phone_key().verify(b"challenge-123", &signature), Ok(()));
    for other in ["challenge-124", "challenge-12", "challenge-123 ", ""] {
        let verified = phone_key().verify(other.as_bytes(), &signature);
        assert_eq!(verified, Err(InvalidSignature), "{other:?}");
    }
}

#[test]
fn a_signature_over_one_challenge_decides_no_other() {
    let challenge = ChallengeId::from_entropy(&[1; 24]);
    let signature = decoded(CHALLENGE_SIGNATURE);
    let signed = SignedDecision { challenge, decision: Decision::Approve, number: None, signature };
    let check = check_unasked(phone_key(), Signing::ChallengeId, &signed);
    assert_eq!(check.verify().err(), Some(InvalidSignature));
}

#[test]
fn the_removal_signature_of_an_official_sdk_verifies_one_window_around_its_own() {
    assert_eq!(removal_text_at(seconds(SIGNED_AT)), "2892816.0");
    let signature = decoded(REMOVAL_SIGNATURE);
    let table = [
        (window(-1) - 1, false),
        (window(-1), true),
        (window(0), true),
        (window(1), true),
        (window(2) - 1, true),
        (window(2), false),
        (0, false),
    ];
    for (now, accepted) in table {
        let verified = removes(&phone_key(), seconds(now), &signature);
        assert_eq!(verified, accepted, "at {now}");
    }
    assert!(!removes(&phone_key(), UnixMillis(u64::MAX), &signature));
}

fn removes(key: &PublicKey, now: UnixMillis, signature: &[u8]) -> bool {
    check_removal(key.clone(), now, signature.to_vec()).verify().is_ok()
}

#[test]
fn a_removal_may_be_signed_with_or_without_the_decimal_point() {
    let (signer, key) = ed25519::key_pair();
    let now = seconds(SIGNED_AT);
    for (text, accepted) in [
        ("2892816.0", true),
        ("2892816", true),
        ("2892815", true),
        ("2892817.0", true),
        ("2892814", false),
        ("2892818.0", false),
        ("2892816.", false),
        ("2892816.00", false),
        ("2.892816E6", false),
        ("", false),
    ] {
        let signature = ed25519::sign(&signer, text.as_bytes());
        assert_eq!(removes(&key, now, &signature), accepted, "{text:?}");
    }
}

#[test]
fn a_key_is_not_parsed_as_one_of_another_algorithm() {
    let (_, key) = ed25519::key_pair();
    assert!(PublicKey::from_spki(Algorithm::Ed25519, &decoded(PUBLIC_KEY)).is_err());
    assert!(PublicKey::from_spki(Algorithm::Es256, key.spki()).is_err());
}

#[test]
fn names_of_algorithms_are_read_back() {
    for algorithm in [Algorithm::Es256, Algorithm::Ed25519] {
        assert_eq!(Algorithm::from_name(algorithm.name()), Some(algorithm));
    }
    assert_eq!(Algorithm::from_name("none"), None);
}
