//! A phone: a software key, in the encodings of one of the two platforms. It is the second opinion
//! beside the phone of `api/client`: it and `statement` follow the text of the protocol, and share
//! no code with the server.

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

/// DER of an Ed25519 `SubjectPublicKeyInfo` up to the key.
const ED25519_SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];

/// Spelling of a platform, for a content that both share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Android,
    Ios,
}

enum Key {
    Ed25519(Box<SigningKey>),
    P256(EcdsaKeyPair),
}

/// A phone.
pub(crate) struct Device {
    pub(crate) dialect: Dialect,
    format: &'static str,
    key: Key,
    spki: Vec<u8>,
}

impl Device {
    /// An Android phone with a P-256 key.
    pub(crate) fn new() -> Self {
        Self::of(Dialect::Android)
    }

    /// A phone with a P-256 key.
    pub(crate) fn of(dialect: Dialect) -> Self {
        Self::p256(dialect, "der", &ECDSA_P256_SHA256_ASN1_SIGNING)
    }

    /// A browser with a P-256 key, which writes `r` and `s` side by side.
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

    /// An app with an Ed25519 key.
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

    /// Gives the format of the device's signatures.
    pub(crate) fn format(&self) -> &'static str {
        self.format
    }

    /// The key as it stands in bodies.
    pub(crate) fn public_key(&self) -> String {
        STANDARD.encode(&self.spki)
    }

    /// The query that names the key.
    pub(crate) fn query(&self) -> String {
        let key = match self.dialect {
            Dialect::Android => STANDARD.encode(self.public_key()),
            Dialect::Ios => URL_SAFE_NO_PAD.encode(self.public_key()),
        };
        format!("publicKey={key}")
    }

    /// The value of `Authorization` for a tenant.
    pub(crate) fn basic(&self, tenant: &str) -> String {
        let credentials = match self.dialect {
            Dialect::Android => STANDARD.encode(format!("{tenant}:")),
            Dialect::Ios => URL_SAFE_NO_PAD.encode(format!("{tenant}:")),
        };
        format!("Basic {credentials}")
    }

    /// Signs a text.
    pub(crate) fn sign(&self, text: &str) -> String {
        match &self.key {
            Key::Ed25519(key) => STANDARD.encode(key.sign(text.as_bytes()).to_bytes()),
            Key::P256(key) => {
                STANDARD.encode(key.sign(&SystemRandom::new(), text.as_bytes()).unwrap())
            }
        }
    }

    /// The body that enrolls it.
    pub(crate) fn enrollment(&self) -> Value {
        let platform = if self.dialect == Dialect::Ios { "ios" } else { "android" };
        json!({ "publicKey": self.public_key(), "deviceName": "Pixel", "devicePlatform": platform })
    }

    /// The body that answers a challenge. Android writes the missing number as `null`, iOS omits
    /// it.
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
