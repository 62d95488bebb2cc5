//! Ed25519 under one acceptance rule: `s < L`; the key canonical, not of small order and
//! torsion-free; `R` canonical; the cofactored equation of RFC 8032. It is the rule that a batch
//! can check too.

use curve25519_dalek::Scalar;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::traits::IsIdentity;
use ed25519_dalek::VerifyingKey;
use sha2::{Digest, Sha512};

use super::{Algorithm, InvalidKey, InvalidSignature, Parsed, Scheme, Verifier};

pub(super) const SCHEME: Scheme = Scheme {
    algorithm: Algorithm::Ed25519,
    name: "ed25519",
    spki_prefix: &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00],
    key_bytes: 32,
    parse,
};

struct Ed25519 {
    bytes: [u8; 32],
    minus_a: EdwardsPoint,
}

fn parse(key: &[u8]) -> Result<Parsed, InvalidKey> {
    let bytes: [u8; 32] = key.try_into().map_err(|_| InvalidKey::Encoding)?;
    let key = VerifyingKey::from_bytes(&bytes).map_err(|_| InvalidKey::Point)?;
    let point = key.to_edwards();
    if point.compress().to_bytes() != bytes || key.is_weak() || !point.is_torsion_free() {
        return Err(InvalidKey::Point);
    }
    Ok(Parsed::new(Ed25519 { bytes, minus_a: -point }))
}

impl Verifier for Ed25519 {
    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let signature: &[u8; 64] = signature.try_into().map_err(|_| InvalidSignature)?;
        let (r_bytes, s_bytes) = signature.split_at(32);
        let compressed = CompressedEdwardsY::from_slice(r_bytes).map_err(|_| InvalidSignature)?;
        let r = compressed.decompress().ok_or(InvalidSignature)?;
        if r.compress() != compressed {
            return Err(InvalidSignature);
        }
        let s_bytes: [u8; 32] = s_bytes.try_into().map_err(|_| InvalidSignature)?;
        let s = Option::<Scalar>::from(Scalar::from_canonical_bytes(s_bytes))
            .ok_or(InvalidSignature)?;
        let digest =
            Sha512::new().chain_update(r_bytes).chain_update(self.bytes).chain_update(message);
        let k = Scalar::from_bytes_mod_order_wide(&digest.finalize().into());
        let expected_r = EdwardsPoint::vartime_double_scalar_mul_basepoint(&k, &self.minus_a, &s);
        if (expected_r - r).mul_by_cofactor().is_identity() {
            Ok(())
        } else {
            Err(InvalidSignature)
        }
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
}
