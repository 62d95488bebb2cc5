//! Tests of signature formats: a P-256 credential has one format, and signatures in the other
//! format are refused.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_core::signature::{
    Algorithm, Check, InvalidKey, InvalidSignature, PublicKey, SignatureFormat,
};

use crate::forge::{Kind, forge, parsed};
use fastrand::Rng;

const PUBLIC_KEY: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEMj+6XmuroBhoQF4q0gx0Ojry17BhXtf4s\
                          KvkSn2YN6S9AKWfZgbqfVeZmhIJW9qhyIxt49tBlO91/QQeuRjX6A==";
/// Signature of [`MESSAGE`] in DER. Its `r` has 32 bytes; its `s` has a zero byte and 32 bytes.
const SIGNATURE: &str = "MEUCIEXM6xp6d/pamCwtagodTTdfBe3cnZJTuH9CQvCpYoWpAiEA2zp4ZVQzWkW9\
                         S3Yi+8MMpL3eaG+UfDoVdedR/nG6nyc=";
const MESSAGE: &[u8] = b"challenge-123";

fn key(format: SignatureFormat) -> PublicKey {
    PublicKey::with_format(Algorithm::Es256, format, &STANDARD.decode(PUBLIC_KEY).unwrap()).unwrap()
}

fn der() -> Vec<u8> {
    STANDARD.decode(SIGNATURE).unwrap()
}

fn p1363() -> Vec<u8> {
    let der = der();
    [&der[4..36], &der[39..]].concat()
}

pub(crate) fn der_check() -> Check {
    Check::new(key(SignatureFormat::Der), MESSAGE.to_vec(), der())
}

pub(crate) fn p1363_check() -> Check {
    Check::new(key(SignatureFormat::P1363), MESSAGE.to_vec(), p1363())
}

#[test]
fn each_credential_takes_its_own_format_and_no_other() {
    let (in_der, in_p1363) = (key(SignatureFormat::Der), key(SignatureFormat::P1363));
    assert_eq!(in_der.verify(MESSAGE, &der()), Ok(()));
    assert_eq!(in_p1363.verify(MESSAGE, &p1363()), Ok(()));
    assert_eq!(in_der.verify(MESSAGE, &p1363()), Err(InvalidSignature));
    assert_eq!(in_p1363.verify(MESSAGE, &der()), Err(InvalidSignature));
}

#[test]
fn a_signature_of_the_other_format_is_told_from_a_wrong_one() {
    let (in_der, in_p1363) = (key(SignatureFormat::Der), key(SignatureFormat::P1363));
    assert!(in_der.is_misshapen(&p1363()) && in_p1363.is_misshapen(&der()));
    for (key, own) in [(in_der, der()), (in_p1363, p1363())] {
        assert!(!key.is_misshapen(&own) && !key.is_misshapen(&[]) && !key.is_misshapen(&[1; 63]));
    }
}

#[test]
fn a_p1363_signature_has_64_bytes_and_no_zero_number() {
    let key = key(SignatureFormat::P1363);
    let signature = p1363();
    let (r, s) = signature.split_at(32);
    let zero = &[0; 32][..];
    let table = [
        ("a byte too few", signature[..63].to_vec()),
        ("a byte after it", [r, s, &[0]].concat()),
        ("a zero before each", [&[0], r, &[0], s].concat()),
        ("r of zero", [zero, s].concat()),
        ("s of zero", [r, zero].concat()),
        ("both zero", [zero, zero].concat()),
        ("r for s", [s, r].concat()),
        ("all ones", vec![0xff; 64]),
        ("nothing", Vec::new()),
    ];
    for (what, changed) in table {
        assert_eq!(key.verify(MESSAGE, &changed), Err(InvalidSignature), "{what}");
    }
}

#[test]
fn no_changed_bit_of_a_p1363_signature_verifies() {
    let key = key(SignatureFormat::P1363);
    for bit in 0..512 {
        let mut changed = p1363();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(key.verify(MESSAGE, &changed), Err(InvalidSignature), "bit {bit}");
    }
}

#[test]
fn a_key_takes_only_formats_of_its_algorithm() {
    let p256 = STANDARD.decode(PUBLIC_KEY).unwrap();
    let raw = PublicKey::with_format(Algorithm::Es256, SignatureFormat::Raw, &p256);
    assert_eq!(raw.err(), Some(InvalidKey::Format));
    let ed25519 = parsed(&forge(Kind::Good, &mut Rng::with_seed(8)).key);
    for format in [SignatureFormat::Der, SignatureFormat::P1363] {
        let parsed = PublicKey::with_format(Algorithm::Ed25519, format, ed25519.spki());
        assert_eq!(parsed.err(), Some(InvalidKey::Format));
    }
}

#[test]
fn without_a_named_format_it_is_the_official_one() {
    let p256 = PublicKey::from_spki(Algorithm::Es256, &STANDARD.decode(PUBLIC_KEY).unwrap());
    assert_eq!(p256.unwrap().format(), SignatureFormat::Der);
    let ed25519 = parsed(&forge(Kind::Good, &mut Rng::with_seed(8)).key);
    assert_eq!(ed25519.format(), SignatureFormat::Raw);
}

#[test]
fn names_of_formats_are_read_back() {
    for algorithm in [Algorithm::Es256, Algorithm::Ed25519] {
        for format in algorithm.formats() {
            assert_eq!(SignatureFormat::from_name(format.name()), Some(*format));
        }
    }
    assert_eq!(SignatureFormat::from_name("ieee"), None);
}
