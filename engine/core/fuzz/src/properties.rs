//! What has to hold for every input. The fuzz targets look for an input that breaks it; a plain
//! test replays the corpus.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_core::signature::{Algorithm, PublicKey, SignatureFormat};

const PUBLIC_KEY: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEMj+6XmuroBhoQF4q0gx0Ojry17BhXtf4s\
                          KvkSn2YN6S9AKWfZgbqfVeZmhIJW9qhyIxt49tBlO91/QQeuRjX6A==";
/// Over [`MESSAGE`]. Nobody has the private key.
const SIGNATURE: &str = "MEUCIEXM6xp6d/pamCwtagodTTdfBe3cnZJTuH9CQvCpYoWpAiEA2zp4ZVQzWkW9\
                         S3Yi+8MMpL3eaG+UfDoVdedR/nG6nyc=";
const MESSAGE: &[u8] = b"challenge-123";
/// The order of P-256.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// A key that parses is of the algorithm that its first bytes name, keeps its bytes, and takes no
/// signature of zeros.
pub(crate) fn key(bytes: &[u8]) {
    for algorithm in [Algorithm::Es256, Algorithm::Ed25519] {
        for format in algorithm.formats() {
            let Ok(key) = PublicKey::with_format(algorithm, *format, bytes) else { continue };
            assert_eq!(Algorithm::of_spki(bytes), Some(algorithm));
            assert_eq!(key.spki(), bytes);
            assert!(key.verify(bytes, &[0; 64]).is_err());
        }
    }
}

/// The one signature that is known, and its twin with the other `s`, are all that verify in DER,
/// each in one encoding.
pub(crate) fn der(bytes: &[u8]) {
    let (r, s) = known();
    let accepted = known_key(SignatureFormat::Der).verify(MESSAGE, bytes).is_ok();
    let expected = [encode(&r, &s), encode(&r, &twin(&s))].iter().any(|known| known == bytes);
    assert_eq!(accepted, expected);
}

/// As [`der`], of `r` and `s` side by side.
pub(crate) fn p1363(bytes: &[u8]) {
    let (r, s) = known();
    let accepted = known_key(SignatureFormat::P1363).verify(MESSAGE, bytes).is_ok();
    let expected = [[r, s].concat(), [r, twin(&s)].concat()].iter().any(|known| known == bytes);
    assert_eq!(accepted, expected);
}

fn known_key(format: SignatureFormat) -> PublicKey {
    let spki = STANDARD.decode(PUBLIC_KEY).expect("it is a constant");
    PublicKey::with_format(Algorithm::Es256, format, &spki).expect("it is a constant")
}

/// `r` and `s` of the known signature.
fn known() -> ([u8; 32], [u8; 32]) {
    let der = STANDARD.decode(SIGNATURE).expect("it is a constant");
    let number = |at: usize| der[at..at + 32].try_into().expect("32 bytes");
    (number(4), number(39))
}

/// `n - s`, which stands for `s` in every signature of ECDSA.
fn twin(s: &[u8; 32]) -> [u8; 32] {
    let mut twin = [0; 32];
    let mut borrow = 0;
    for ((out, n), s) in twin.iter_mut().zip(ORDER).zip(s).rev() {
        let difference = i16::from(n) - i16::from(*s) - borrow;
        borrow = i16::from(difference < 0);
        [*out, _] = difference.to_le_bytes();
    }
    twin
}

fn encode(r: &[u8; 32], s: &[u8; 32]) -> Vec<u8> {
    let number = |bytes: &[u8; 32]| {
        let digits = &bytes[bytes.iter().take_while(|b| **b == 0).count()..];
        let sign = (digits[0] >= 0x80).then_some(0);
        let content: Vec<u8> = sign.into_iter().chain(digits.iter().copied()).collect();
        [&[0x02, content.len() as u8], &content[..]].concat()
    };
    let content = [number(r), number(s)].concat();
    [&[0x30, content.len() as u8], &content[..]].concat()
}
