//! ECDSA over P-256 with SHA-256, in strict DER. High-S signatures are accepted: the platforms make
//! them.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ParsedPublicKey};

use super::{Algorithm, InvalidKey, InvalidSignature, Parsed, Scheme, Verifier};

pub(super) const SCHEME: Scheme = Scheme {
    algorithm: Algorithm::Es256,
    name: "es256",
    spki_prefix: &[
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08,
        0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
    ],
    key_bytes: 65,
    parse,
};

struct P256(ParsedPublicKey);

fn parse(point: &[u8]) -> Result<Parsed, InvalidKey> {
    if point.first() != Some(&0x04) {
        return Err(InvalidKey::Encoding);
    }
    let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point);
    Ok(Parsed::new(P256(key.map_err(|_| InvalidKey::Point)?)))
}

impl Verifier for P256 {
    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        self.0.verify_sig(message, signature).map_err(|_| InvalidSignature)
    }
}
