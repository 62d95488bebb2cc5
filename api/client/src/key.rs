//! A device's key in software, in place of one in a phone's secure hardware.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_core::id::Thumbprint;
use countersign_core::signature::{Algorithm, SignatureFormat};
use countersign_wire::publickey::encode_signature;
use countersign_wire::secret::Secret;

/// Error about a text that is not an encoded key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a key of a known algorithm")]
pub struct InvalidKeyText;

/// A private key with its public key.
#[derive(Clone)]
pub struct SoftwareKey {
    pair: Arc<Pair>,
    spki: Arc<[u8]>,
}

enum Pair {
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl SoftwareKey {
    /// Generates a random key.
    ///
    /// # Panics
    /// If the operating system does not provide random bytes.
    #[must_use]
    pub fn generate(algorithm: Algorithm) -> Self {
        const RANDOM: &str = "the operating system gives random bytes";
        Self::new(match algorithm {
            Algorithm::Es256 => {
                Pair::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect(RANDOM))
            }
            Algorithm::Ed25519 => Pair::Ed25519(Ed25519KeyPair::generate().expect(RANDOM)),
        })
    }

    /// Derives an Ed25519 key from a seed. Everybody who knows the seed can derive the same key.
    ///
    /// # Panics
    /// Never, because every seed gives a key.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).expect("every seed makes a key");
        Self::new(Pair::Ed25519(pair))
    }

    /// Parses a key from base64 of its PKCS #8 form.
    ///
    /// # Errors
    /// [`InvalidKeyText`].
    pub fn from_pkcs8(algorithm: Algorithm, text: &str) -> Result<Self, InvalidKeyText> {
        let der = STANDARD.decode(text).map_err(|_| InvalidKeyText)?;
        let pair = match algorithm {
            Algorithm::Es256 => {
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &der).map(Pair::P256)
            }
            Algorithm::Ed25519 => Ed25519KeyPair::from_pkcs8(&der).map(Pair::Ed25519),
        };
        pair.map(Self::new).map_err(|_| InvalidKeyText)
    }

    /// Encodes the key as base64 of its PKCS #8 form.
    ///
    /// # Panics
    /// Never, because every key can be encoded.
    #[must_use]
    pub fn to_pkcs8(&self) -> Secret {
        const WRITTEN: &str = "a key pair in memory can be written";
        Secret::new(match &*self.pair {
            Pair::P256(pair) => STANDARD.encode(pair.to_pkcs8v1().expect(WRITTEN)),
            Pair::Ed25519(pair) => STANDARD.encode(pair.to_pkcs8().expect(WRITTEN)),
        })
    }

    /// Returns the key's algorithm.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        match &*self.pair {
            Pair::P256(_) => Algorithm::Es256,
            Pair::Ed25519(_) => Algorithm::Ed25519,
        }
    }

    /// Returns the public key, as a DER `SubjectPublicKeyInfo`.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// Returns the thumbprint by which a server finds the key.
    #[must_use]
    pub fn thumbprint(&self) -> Thumbprint {
        Thumbprint::of_spki(&self.spki)
    }

    /// Signs bytes in the algorithm's default signature format.
    ///
    /// # Panics
    /// If the operating system does not provide random bytes.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &*self.pair {
            Pair::P256(pair) => sign_p256(pair, message),
            Pair::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }

    /// Signs bytes in the given format. Returns `None` if the algorithm does not support the
    /// format.
    ///
    /// # Panics
    /// If the operating system does not provide random bytes.
    #[must_use]
    pub fn sign_as(&self, format: SignatureFormat, message: &[u8]) -> Option<Vec<u8>> {
        match (&*self.pair, format) {
            (Pair::P256(pair), SignatureFormat::P1363) => {
                const READ_BACK: &str = "what a key pair wrote can be read";
                let document = pair.to_pkcs8v1().expect(READ_BACK);
                let fixed = &ECDSA_P256_SHA256_FIXED_SIGNING;
                let pair = EcdsaKeyPair::from_pkcs8(fixed, document.as_ref()).expect(READ_BACK);
                Some(sign_p256(&pair, message))
            }
            (Pair::P256(_), SignatureFormat::Der) | (Pair::Ed25519(_), SignatureFormat::Raw) => {
                Some(self.sign(message))
            }
            _ => None,
        }
    }

    /// Signs a text in the default format, and encodes the signature for a body.
    pub(crate) fn sign_text(&self, text: &str) -> Secret {
        Secret::new(encode_signature(&self.sign(text.as_bytes())))
    }

    fn new(pair: Pair) -> Self {
        const ENCODED: &str = "a public key can be encoded";
        let der: PublicKeyX509Der<'_> = match &pair {
            Pair::P256(pair) => pair.public_key().as_der().expect(ENCODED),
            Pair::Ed25519(pair) => pair.public_key().as_der().expect(ENCODED),
        };
        let spki = der.as_ref().into();
        Self { pair: Arc::new(pair), spki }
    }
}

fn sign_p256(pair: &EcdsaKeyPair, message: &[u8]) -> Vec<u8> {
    let signature = pair.sign(&SystemRandom::new(), message);
    signature.expect("the operating system gives random bytes").as_ref().to_vec()
}

impl fmt::Debug for SoftwareKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SoftwareKey({} {:?})", self.algorithm().name(), self.thumbprint())
    }
}

#[cfg(test)]
mod tests {
    use countersign_core::signature::PublicKey;

    use super::*;

    #[test]
    fn what_a_key_signs_verifies_under_its_public_key_in_the_core() {
        for algorithm in [Algorithm::Es256, Algorithm::Ed25519] {
            let key = SoftwareKey::generate(algorithm);
            let public = PublicKey::from_spki(algorithm, key.spki()).unwrap();
            assert!(public.verify(b"text", &key.sign(b"text")).is_ok());
            assert!(public.verify(b"text", &key.sign(b"other")).is_err());
        }
    }

    #[test]
    fn a_key_signs_in_the_formats_of_its_algorithm_and_in_no_other() {
        let formats = [SignatureFormat::Der, SignatureFormat::P1363, SignatureFormat::Raw];
        for algorithm in [Algorithm::Es256, Algorithm::Ed25519] {
            let key = SoftwareKey::generate(algorithm);
            for format in formats {
                let public = PublicKey::with_format(algorithm, format, key.spki());
                let signature = key.sign_as(format, b"text");
                assert_eq!(signature.is_some(), public.is_ok(), "{format:?}");
                if let (Some(signature), Ok(public)) = (signature, public) {
                    assert!(public.verify(b"text", &signature).is_ok(), "{format:?}");
                }
            }
        }
    }

    #[test]
    fn a_key_is_the_same_after_it_was_written_and_read() {
        for algorithm in [Algorithm::Es256, Algorithm::Ed25519] {
            let key = SoftwareKey::generate(algorithm);
            let read = SoftwareKey::from_pkcs8(algorithm, key.to_pkcs8().reveal()).unwrap();
            assert_eq!((read.spki(), read.algorithm()), (key.spki(), algorithm));
        }
        for text in ["", "?", "AAAA"] {
            assert!(SoftwareKey::from_pkcs8(Algorithm::Es256, text).is_err());
        }
    }

    #[test]
    fn a_key_does_not_show_its_private_part() {
        let key = SoftwareKey::generate(Algorithm::Es256);
        assert!(!format!("{key:?}").contains(key.to_pkcs8().reveal()));
        assert!(format!("{key:?}").starts_with("SoftwareKey(es256 "));
    }
}
