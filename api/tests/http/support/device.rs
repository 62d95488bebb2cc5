//! A phone with a software key, in the encodings of one of the two platforms. It is written
//! independently of the phone in `api/client`: this module and `statement` follow the protocol's
//! documentation and share no code with the server.

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::{self, SystemRandom};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, KeyPair as _,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};

/// DER prefix of an Ed25519 `SubjectPublicKeyInfo`. The key follows it.
const ED25519_SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];

/// Platform whose encodings a phone uses. Both platforms encode the same content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Android,
    Ios,
}

enum Key {
    Ed25519(Box<SigningKey>),
    P256(EcdsaKeyPair),
}

/// A phone with its key.
pub(crate) struct Device {
    pub(crate) dialect: Dialect,
    format: &'static str,
    key: Key,
    spki: Vec<u8>,
}

impl Device {
    /// Makes an Android phone with a P-256 key.
    pub(crate) fn new() -> Self {
        Self::of(Dialect::Android)
    }

    /// Makes a phone of this platform with a P-256 key.
    pub(crate) fn of(dialect: Dialect) -> Self {
        Self::p256(dialect, "der", &ECDSA_P256_SHA256_ASN1_SIGNING)
    }

    /// Makes a browser with a P-256 key. Its signatures are `r` followed by `s` (`p1363`).
    pub(crate) fn browser() -> Self {
        Self::p256(Dialect::Android, "p1363", &ECDSA_P256_SHA256_FIXED_SIGNING)
    }

    fn p256(
        dialect: Dialect,
        format: &'static str,
        signing: &'static EcdsaSigningAlgorithm,
    ) -> Self {
        let key = EcdsaKeyPair::generate(signing).unwrap();
        let spki: PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
        let spki = spki.as_ref().to_vec();
        Self { dialect, format, key: Key::P256(key), spki }
    }

    /// Makes an app with an Ed25519 key.
    pub(crate) fn ed25519() -> Self {
        let mut seed = [0; 32];
        rand::fill(&mut seed).unwrap();
        let key = SigningKey::from_bytes(&seed);
        let spki = [&ED25519_SPKI[..], key.verifying_key().as_bytes()].concat();
        let (dialect, format) = (Dialect::Android, "raw");
        Self { dialect, format, key: Key::Ed25519(Box::new(key)), spki }
    }

    pub(crate) fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// Returns the format of the device's signatures.
    pub(crate) fn format(&self) -> &'static str {
        self.format
    }

    /// Returns the public key in the encoding for bodies.
    pub(crate) fn public_key(&self) -> String {
        STANDARD.encode(&self.spki)
    }

    /// Returns the query string with the public key.
    pub(crate) fn query(&self) -> String {
        let key = match self.dialect {
            Dialect::Android => STANDARD.encode(self.public_key()),
            Dialect::Ios => URL_SAFE_NO_PAD.encode(self.public_key()),
        };
        format!("publicKey={key}")
    }

    /// Returns the value of the `Authorization` header for a tenant.
    pub(crate) fn basic(&self, tenant: &str) -> String {
        let credentials = match self.dialect {
            Dialect::Android => STANDARD.encode(format!("{tenant}:")),
            Dialect::Ios => URL_SAFE_NO_PAD.encode(format!("{tenant}:")),
        };
        format!("Basic {credentials}")
    }

    /// Signs a text, and encodes the signature for a body.
    pub(crate) fn sign(&self, text: &str) -> String {
        match &self.key {
            Key::Ed25519(key) => STANDARD.encode(key.sign(text.as_bytes()).to_bytes()),
            Key::P256(key) => {
                STANDARD.encode(key.sign(&SystemRandom::new(), text.as_bytes()).unwrap())
            }
        }
    }

    /// Returns the body of its enrollment.
    pub(crate) fn enrollment(&self) -> Value {
        let platform = if self.dialect == Dialect::Ios { "ios" } else { "android" };
        json!({ "publicKey": self.public_key(), "deviceName": "Pixel", "devicePlatform": platform })
    }

    /// Returns the body of an answer to a challenge. Without a number, Android sends `null` and iOS
    /// omits the field.
    pub(crate) fn decision(&self, challenge: &str, approved: bool) -> Value {
        let mut body = json!({
            "publicKey": self.public_key(), "challengeId": challenge,
            "signature": self.sign(challenge), "approved": approved,
        });
        if self.dialect == Dialect::Android {
            body["verificationCode"] = Value::Null;
        }
        body
    }
}
