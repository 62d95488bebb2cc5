//! Tests of the acceptance rule for single Ed25519 signatures.

use countersign_core::signature::{Algorithm, InvalidKey, InvalidSignature, PublicKey};
use curve25519_dalek::Scalar;
use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::traits::Identity as _;
use ed25519_dalek::{Signer as _, SigningKey};
use sha2::{Digest as _, Sha512};

const MESSAGE: &[u8] = b"challenge-123";
const PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// The order of the base point, lowest byte first.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

pub(crate) fn key_pair() -> (SigningKey, PublicKey) {
    let signer = SigningKey::from_bytes(&[9; 32]);
    let key = parsed(signer.verifying_key().as_bytes()).unwrap();
    (signer, key)
}

pub(crate) fn sign(signer: &SigningKey, message: &[u8]) -> Vec<u8> {
    signer.sign(message).to_bytes().to_vec()
}

fn parsed(key: &[u8; 32]) -> Result<PublicKey, InvalidKey> {
    PublicKey::from_spki(Algorithm::Ed25519, &[&PREFIX[..], key].concat())
}

/// Signs with a first half of the caller's choice, as the owner of a key can: `s = r + H(R, A, M)
/// a`.
fn signed_with(signer: &SigningKey, r_bytes: [u8; 32], r: Scalar) -> Vec<u8> {
    let a = signer.verifying_key();
    let digest = Sha512::new().chain_update(r_bytes).chain_update(a.as_bytes());
    let k = Scalar::from_bytes_mod_order_wide(&digest.chain_update(MESSAGE).finalize().into());
    let s = r + k * signer.to_scalar();
    [r_bytes, s.to_bytes()].concat()
}

/// Returns `p + n`, lowest byte first. For `n` below 19 it is a second encoding of `n`.
fn prime_plus(n: u8) -> [u8; 32] {
    let mut bytes = [0xff; 32];
    bytes[0] = 0xed + n;
    bytes[31] = 0x7f;
    bytes
}

#[test]
fn the_second_vector_of_rfc_8032_verifies() {
    let key = [
        0x3d, 0x40, 0x17, 0xc3, 0xe8, 0x43, 0x89, 0x5a, 0x92, 0xb7, 0x0a, 0xa7, 0x4d, 0x1b, 0x7e,
        0xbc, 0x9c, 0x98, 0x2c, 0xcf, 0x2e, 0xc4, 0x96, 0x8c, 0xc0, 0xcd, 0x55, 0xf1, 0x2a, 0xf4,
        0x66, 0x0c,
    ];
    let signature = [
        0x92, 0xa0, 0x09, 0xa9, 0xf0, 0xd4, 0xca, 0xb8, 0x72, 0x0e, 0x82, 0x0b, 0x5f, 0x64, 0x25,
        0x40, 0xa2, 0xb2, 0x7b, 0x54, 0x16, 0x50, 0x3f, 0x8f, 0xb3, 0x76, 0x22, 0x23, 0xeb, 0xdb,
        0x69, 0xda, 0x08, 0x5a, 0xc1, 0xe4, 0x3e, 0x15, 0x99, 0x6e, 0x45, 0x8f, 0x36, 0x13, 0xd0,
        0xf1, 0x1d, 0x8c, 0x38, 0x7b, 0x2e, 0xae, 0xb4, 0x30, 0x2a, 0xee, 0xb0, 0x0d, 0x29, 0x16,
        0x12, 0xbb, 0x0c, 0x00,
    ];
    let key = parsed(&key).unwrap();
    assert_eq!(key.verify(&[0x72], &signature), Ok(()));
    assert_eq!(key.verify(&[0x73], &signature), Err(InvalidSignature));
}

#[test]
fn a_scalar_at_or_above_the_order_is_refused() {
    let (signer, key) = key_pair();
    let mut signature = sign(&signer, MESSAGE);
    assert_eq!(key.verify(MESSAGE, &signature), Ok(()));
    let mut carry = 0;
    for (byte, order) in signature[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        [*byte, _] = sum.to_le_bytes();
        carry = sum >> 8;
    }
    assert_eq!(carry, 0, "s + L has 32 bytes");
    assert_eq!(key.verify(MESSAGE, &signature), Err(InvalidSignature), "s + L");
    signature[32..].copy_from_slice(&ORDER);
    assert_eq!(key.verify(MESSAGE, &signature), Err(InvalidSignature), "L");
}

#[test]
fn a_first_half_that_is_not_canonical_is_refused_although_the_equation_holds() {
    let (signer, key) = key_pair();
    let identity = EdwardsPoint::identity().compress().to_bytes();
    let canonical = signed_with(&signer, identity, Scalar::ZERO);
    assert_eq!(key.verify(MESSAGE, &canonical), Ok(()), "the equation is what holds");
    let mut signed_zero = identity;
    signed_zero[31] |= 0x80;
    for r in [prime_plus(1), signed_zero] {
        let signature = signed_with(&signer, r, Scalar::ZERO);
        assert_eq!(key.verify(MESSAGE, &signature), Err(InvalidSignature));
    }
}

#[test]
fn a_first_half_that_is_no_point_is_refused() {
    let (signer, key) = key_pair();
    let mut encodings = (2..=u8::MAX).map(|y| {
        let mut bytes = [0; 32];
        bytes[0] = y;
        CompressedEdwardsY(bytes)
    });
    let no_point = encodings.find(|c| c.decompress().is_none()).unwrap();
    let signature = signed_with(&signer, no_point.to_bytes(), Scalar::ZERO);
    assert_eq!(key.verify(MESSAGE, &signature), Err(InvalidSignature));
}

/// The rule multiplies by the cofactor, so that a batch and a single verification never disagree.
#[test]
fn a_component_of_small_order_in_the_first_half_makes_no_difference() {
    let (signer, key) = key_pair();
    let r = Scalar::from(1234_u64);
    for torsion in EIGHT_TORSION {
        let point = ED25519_BASEPOINT_POINT * r + torsion;
        let signature = signed_with(&signer, point.compress().to_bytes(), r);
        assert_eq!(key.verify(MESSAGE, &signature), Ok(()));
        assert_eq!(key.verify(b"challenge-124", &signature), Err(InvalidSignature));
    }
}

#[test]
fn a_key_of_small_order_is_refused() {
    for point in EIGHT_TORSION {
        let parsed = parsed(&point.compress().to_bytes());
        assert_eq!(parsed.err(), Some(InvalidKey::Point));
    }
}

#[test]
fn a_key_that_is_not_canonical_is_refused() {
    for n in 0..19 {
        let plain = prime_plus(n);
        let mut negative = plain;
        negative[31] |= 0x80;
        for key in [plain, negative] {
            assert_eq!(parsed(&key).err(), Some(InvalidKey::Point), "p + {n}");
        }
    }
}

#[test]
fn a_key_with_a_component_of_small_order_is_refused() {
    let (signer, _) = key_pair();
    let honest = signer.verifying_key().to_edwards();
    for torsion in EIGHT_TORSION.iter().skip(1) {
        let parsed = parsed(&(honest + torsion).compress().to_bytes());
        assert_eq!(parsed.err(), Some(InvalidKey::Point));
    }
}

#[test]
fn a_key_has_one_encoding() {
    let (signer, key) = key_pair();
    let bytes = *signer.verifying_key().as_bytes();
    let spki = key.spki().to_vec();
    let with_parameters =
        [&[0x30, 0x2c, 0x30, 0x07], &PREFIX[4..9], &[0x05, 0x00, 0x03, 0x21, 0x00], &bytes[..]];
    let mut other_curve = spki.clone();
    other_curve[8] = 0x6e;
    let table = [
        ("a byte after it", [&spki[..], &[0]].concat()),
        ("a byte too few", spki[..43].to_vec()),
        ("parameters", with_parameters.concat()),
        ("a long length", [&[0x30, 0x81, 0x2a], &spki[2..]].concat()),
        ("X25519", other_curve),
        ("the key alone", bytes.to_vec()),
        ("nothing", Vec::new()),
    ];
    for (what, changed) in table {
        let parsed = PublicKey::from_spki(Algorithm::Ed25519, &changed).err();
        assert_eq!(parsed, Some(InvalidKey::Encoding), "{what}");
    }
}
