//! ECDSA over P-256 with SHA-256. Signatures are in strict DER, or are `r` and `s` (IEEE P1363).
//! High-S signatures are accepted, because the phones' platforms make them.

use std::sync::Arc;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_FIXED, EcdsaVerificationAlgorithm, ParsedPublicKey,
};

use super::{Algorithm, InvalidKey, InvalidSignature, Parsed, Scheme, SignatureFormat, Verifier};

pub(super) const SCHEME: Scheme = Scheme {
    algorithm: Algorithm::Es256,
    name: "es256",
    formats: &[SignatureFormat::Der, SignatureFormat::P1363],
    batches: false,
    spki_prefix: &[
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08,
        0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
    ],
    key_bytes: 65,
    parse,
};

/// A parsed key, together with the one format in which its signatures are accepted.
struct P256(ParsedPublicKey);

fn parse(point: &[u8], format: SignatureFormat) -> Result<Parsed, InvalidKey> {
    if point.first() != Some(&0x04) {
        return Err(InvalidKey::Encoding);
    }
    let rule: &'static EcdsaVerificationAlgorithm = match format {
        SignatureFormat::Der => &ECDSA_P256_SHA256_ASN1,
        SignatureFormat::P1363 => &ECDSA_P256_SHA256_FIXED,
        SignatureFormat::Raw => return Err(InvalidKey::Format),
    };
    let key = ParsedPublicKey::new(rule, point);
    Ok(Arc::new(P256(key.map_err(|_| InvalidKey::Point)?)))
}

impl Verifier for P256 {
    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        self.0.verify_sig(message, signature).map_err(|_| InvalidSignature)
    }
}
