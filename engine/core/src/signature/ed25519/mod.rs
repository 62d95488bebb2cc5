//! Ed25519 with one acceptance rule for single signatures and batches: `s < L`; the key canonical,
//! not of small order and torsion-free; `R` canonical; the cofactored equation of RFC 8032.
//!
//! Both kinds of verification use [`Term`], so that a batch cannot judge a signature differently
//! from a single verification.

use std::sync::Arc;

use curve25519_dalek::Scalar;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::traits::IsIdentity;
use ed25519_dalek::VerifyingKey;
use sha2::{Digest, Sha512};

use super::{Algorithm, InvalidKey, InvalidSignature, Parsed, Scheme, SignatureFormat, Verifier};

pub(super) mod batch;

pub(super) const SCHEME: Scheme = Scheme {
    algorithm: Algorithm::Ed25519,
    name: "ed25519",
    formats: &[SignatureFormat::Raw],
    batches: true,
    spki_prefix: &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00],
    key_bytes: 32,
    parse,
};

/// Bytes of the prime `p = 2^255 - 19`: the lowest, each of those between, and the highest.
const PRIME_LOW: u8 = 0xed;
const PRIME_MIDDLE: u8 = 0xff;
const PRIME_TOP: u8 = 0x7f;
const SIGN_BIT: u8 = 0x80;

/// A key with its point, which is decompressed once.
struct Ed25519 {
    bytes: [u8; 32],
    minus_a: EdwardsPoint,
}

fn parse(key: &[u8], _: SignatureFormat) -> Result<Parsed, InvalidKey> {
    let bytes: [u8; 32] = key.try_into().map_err(|_| InvalidKey::Encoding)?;
    let key = VerifyingKey::from_bytes(&bytes).map_err(|_| InvalidKey::Point)?;
    let point = key.to_edwards();
    if !is_canonical(&bytes) || key.is_weak() || !point.is_torsion_free() {
        return Err(InvalidKey::Point);
    }
    Ok(Arc::new(Ed25519 { bytes, minus_a: -point }))
}

/// Returns true if the bytes are the canonical encoding of their point: `y < p`, and no sign bit if
/// `x` is zero, which is the case only for `y = 1` and `y = p - 1`.
fn is_canonical(bytes: &[u8; 32]) -> bool {
    let [low, middle @ .., high] = bytes;
    let top = high & !SIGN_BIT;
    let tail_of_prime = top == PRIME_TOP && middle.iter().all(|b| *b == PRIME_MIDDLE);
    let is_one = *low == 1 && top == 0 && middle.iter().all(|b| *b == 0);
    let is_minus_one = tail_of_prime && *low == PRIME_LOW - 1;
    let too_large = tail_of_prime && *low >= PRIME_LOW;
    let signed_zero = high & SIGN_BIT != 0 && (is_one || is_minus_one);
    !too_large && !signed_zero
}

/// The term of one signature in the equation `8 (s B - k A - R) = 0`.
pub(super) struct Term {
    minus_a: EdwardsPoint,
    minus_r: EdwardsPoint,
    k: Scalar,
    s: Scalar,
}

impl Term {
    fn of(key: &Ed25519, message: &[u8], signature: &[u8]) -> Result<Self, InvalidSignature> {
        let (r_bytes, s_bytes) = signature.split_first_chunk::<32>().ok_or(InvalidSignature)?;
        let s_bytes: [u8; 32] = s_bytes.try_into().map_err(|_| InvalidSignature)?;
        let s = Option::<Scalar>::from(Scalar::from_canonical_bytes(s_bytes));
        let s = s.filter(|_| is_canonical(r_bytes)).ok_or(InvalidSignature)?;
        let r = CompressedEdwardsY(*r_bytes).decompress().ok_or(InvalidSignature)?;
        let digest =
            Sha512::new().chain_update(r_bytes).chain_update(key.bytes).chain_update(message);
        let k = Scalar::from_bytes_mod_order_wide(&digest.finalize().into());
        Ok(Self { minus_a: key.minus_a, minus_r: -r, k, s })
    }

    /// Returns true if the equation holds for this signature alone.
    fn holds(&self) -> bool {
        let Self { minus_a, minus_r, k, s } = self;
        let r = EdwardsPoint::vartime_double_scalar_mul_basepoint(k, minus_a, s);
        (r + minus_r).mul_by_cofactor().is_identity()
    }
}

impl Verifier for Ed25519 {
    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let holds = Term::of(self, message, signature)?.holds();
        if holds { Ok(()) } else { Err(InvalidSignature) }
    }

    fn term(&self, message: &[u8], signature: &[u8]) -> Option<Result<Term, InvalidSignature>> {
        Some(Term::of(self, message, signature))
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer as _, SigningKey};

    use super::super::PublicKey;
    use super::*;

    fn spki(key: &[u8; 32]) -> Vec<u8> {
        [SCHEME.spki_prefix, key].concat()
    }

    #[test]
    fn a_signature_verifies_and_no_changed_bit_does() {
        let signer = SigningKey::from_bytes(&[5; 32]);
        let key =
            PublicKey::from_spki(Algorithm::Ed25519, &spki(signer.verifying_key().as_bytes()));
        let key = key.unwrap();
        let signature = signer.sign(b"challenge").to_bytes();
        assert_eq!(key.verify(b"challenge", &signature), Ok(()));
        assert_eq!(key.verify(b"challengf", &signature), Err(InvalidSignature));
        for bit in 0..512 {
            let mut changed = signature;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(key.verify(b"challenge", &changed), Err(InvalidSignature), "bit {bit}");
        }
        assert_eq!(key.verify(b"challenge", &signature[..63]), Err(InvalidSignature));
    }

    #[test]
    fn weak_and_non_canonical_keys_are_refused() {
        let mut identity = [0; 32];
        identity[0] = 1;
        // y = p + 1, another encoding of the identity.
        let mut non_canonical = [0xff; 32];
        non_canonical[0] = 0xee;
        non_canonical[31] = 0x7f;
        for key in [[0; 32], identity, non_canonical] {
            let parsed = PublicKey::from_spki(Algorithm::Ed25519, &spki(&key));
            assert_eq!(parsed.err(), Some(InvalidKey::Point));
        }
    }

    #[test]
    fn a_key_with_a_torsion_component_is_refused() {
        let honest = SigningKey::from_bytes(&[5; 32]).verifying_key().to_edwards();
        let mixed = honest + curve25519_dalek::constants::EIGHT_TORSION[1];
        let parsed = PublicKey::from_spki(Algorithm::Ed25519, &spki(&mixed.compress().to_bytes()));
        assert_eq!(parsed.err(), Some(InvalidKey::Point));
    }

    /// Tests every encoding that might not be canonical: `y` near 0 and near `p`, with and without
    /// the sign bit.
    #[test]
    fn an_encoding_is_canonical_if_compressing_its_point_gives_it_back() {
        let mut points = 0;
        for edge in [0x00, 0xff] {
            for low in 0..=u8::MAX {
                for sign in [0, SIGN_BIT] {
                    let mut bytes = [edge; 32];
                    bytes[0] = low;
                    bytes[31] = (edge & PRIME_TOP) | sign;
                    let Some(point) = CompressedEdwardsY(bytes).decompress() else { continue };
                    points += 1;
                    let same = point.compress().to_bytes() == bytes;
                    assert_eq!(is_canonical(&bytes), same, "{bytes:?}");
                }
            }
        }
        assert!(points > 400, "{points} of 1024 were points");
    }
}
