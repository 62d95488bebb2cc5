//! Text encodings of public keys and signatures, in bodies and in query strings.
//!
//! In a body, a key is base64 of its DER `SubjectPublicKeyInfo`. In a query string, it is base64 of
//! that base64 text. Android pads the outer layer, iOS does not. The parser accepts both base64
//! alphabets, with or without padding.

use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use countersign_core::id::Thumbprint;
use countersign_core::policy::{PUBLIC_KEY_BYTES_MAX, SIGNATURE_BYTES_MAX};
use countersign_core::signature::{Algorithm, InvalidKey, PublicKey, SignatureFormat};

use crate::InvalidField;

const ANY_PADDING: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD_ANY: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, ANY_PADDING);
const URL_ANY: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, ANY_PADDING);

/// First character of the base64 of every DER public key. Such a key begins with the tag of a
/// sequence and a length below 128.
const SINGLE_ENCODED: &str = "M";

/// A public key that a request presents. Only its algorithm is known, from its first bytes. The
/// rest of the key is unchecked.
///
/// The server finds an enrolled key by the thumbprint, so that it need not parse the presented key.
#[derive(Clone, PartialEq, Eq)]
pub struct PresentedKey {
    algorithm: Algorithm,
    spki: Vec<u8>,
}

impl PresentedKey {
    /// Decodes a key in the encoding for bodies.
    ///
    /// # Errors
    /// [`InvalidField`] naming `publicKey`.
    pub fn from_body(text: &str) -> Result<Self, InvalidField> {
        let longest = PUBLIC_KEY_BYTES_MAX.div_ceil(3) * 4;
        let spki = base64_wrapped(text, longest).ok_or_else(malformed)?;
        let algorithm = Algorithm::of_spki(&spki).ok_or_else(malformed)?;
        Ok(Self { algorithm, spki })
    }

    /// Decodes a key in the encoding for query strings, after percent-decoding. The encoding for
    /// bodies is accepted too.
    ///
    /// # Errors
    /// [`InvalidField`] naming `publicKey`.
    pub fn from_query(text: &str) -> Result<Self, InvalidField> {
        // A client that does not escape `+` in the query produces a space for each plus sign.
        let text = &text.replace(' ', "+");
        if text.trim_start().starts_with(SINGLE_ENCODED) {
            return Self::from_body(text);
        }
        let longest = PUBLIC_KEY_BYTES_MAX * 2;
        let inner = base64_wrapped(text, longest);
        let inner = inner.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(malformed)?;
        Self::from_body(&inner)
    }

    /// Returns the thumbprint by which the server finds the enrolled key.
    #[must_use]
    pub fn thumbprint(&self) -> Thumbprint {
        Thumbprint::of_spki(&self.spki)
    }

    /// Returns the key's algorithm.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Checks the whole key, and returns it with the algorithm's default signature format.
    ///
    /// # Errors
    /// [`InvalidKey`].
    pub fn parse(&self) -> Result<PublicKey, InvalidKey> {
        PublicKey::from_spki(self.algorithm, &self.spki)
    }

    /// Checks the whole key, and returns it with the signature format `format`.
    ///
    /// # Errors
    /// [`InvalidKey`].
    pub fn parse_with(&self, format: SignatureFormat) -> Result<PublicKey, InvalidKey> {
        PublicKey::with_format(self.algorithm, format, &self.spki)
    }
}

impl fmt::Debug for PresentedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PresentedKey({})", self.algorithm.name())
    }
}

/// Encodes a key for a body.
#[must_use]
pub fn encode_body(spki: &[u8]) -> String {
    STANDARD.encode(spki)
}

/// Encodes a key for a query string as Android does.
#[must_use]
pub fn encode_query_android(spki: &[u8]) -> String {
    STANDARD.encode(encode_body(spki))
}

/// Encodes a key for a query string as iOS does.
#[must_use]
pub fn encode_query_ios(spki: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(encode_body(spki))
}

/// Decodes the signature in the field `signature`.
///
/// # Errors
/// [`InvalidField`] naming `signature`.
pub fn decode_signature(text: &str) -> Result<Vec<u8>, InvalidField> {
    decode_signature_of("signature", text)
}

/// Decodes a signature. An error names the given field.
pub(crate) fn decode_signature_of(
    field: &'static str,
    text: &str,
) -> Result<Vec<u8>, InvalidField> {
    let longest = SIGNATURE_BYTES_MAX.div_ceil(3) * 4;
    base64_wrapped(text, longest)
        .ok_or_else(|| InvalidField::new(field, "must be base64 of a signature"))
}

/// Encodes a signature.
#[must_use]
pub fn encode_signature(signature: &[u8]) -> String {
    STANDARD.encode(signature)
}

/// Decodes base64 of at most `longest` characters. The text may be wrapped into lines, because PEM
/// tools and MIME encoders wrap it; blanks do not count.
fn base64_wrapped(text: &str, longest: usize) -> Option<Vec<u8>> {
    let decoded = |text: &str| if text.len() <= longest { base64_lenient(text) } else { None };
    decoded(text).or_else(|| decoded(&text.replace([' ', '\t', '\r', '\n'], "")))
}

/// Decodes base64 of either alphabet, with or without padding.
pub(crate) fn base64_lenient(text: &str) -> Option<Vec<u8>> {
    STANDARD_ANY.decode(text).or_else(|_| URL_ANY.decode(text)).ok()
}

fn malformed() -> InvalidField {
    InvalidField::new(
        "publicKey",
        "must be base64 of a DER SubjectPublicKeyInfo (P-256 or Ed25519)",
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Test vector of the contract.
    const BODY: &str = concat!(
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEMj+6XmuroBhoQF4q0gx0Ojry17BhXtf4sKvkSn2YN6S9",
        "AKWfZgbqfVeZmhIJW9qhyIxt49tBlO91/QQeuRjX6A==",
    );
    const QUERY: &str = concat!(
        "TUZrd0V3WUhLb1pJemowQ0FRWUlLb1pJemowREFRY0RRZ0FFTWorNlhtdXJvQmhvUUY0cTBneDBPanJ5",
        "MTdCaFh0ZjRzS3ZrU24yWU42UzlBS1dmWmdicWZWZVptaElKVzlxaHlJeHQ0OXRCbE85MS9RUWV1UmpY",
        "NkE9PQ==",
    );

    #[test]
    fn the_two_forms_of_the_vectors_are_one_key() {
        let key = PresentedKey::from_body(BODY).unwrap();
        assert_eq!(PresentedKey::from_query(QUERY).unwrap(), key);
        assert_eq!(PresentedKey::from_query(QUERY.trim_end_matches('=')).unwrap(), key);
        assert_eq!(PresentedKey::from_query(BODY).unwrap(), key);
        assert_eq!(PresentedKey::from_body(BODY.trim_end_matches('=')).unwrap(), key);
        let url = BODY.replace('+', "-").replace('/', "_");
        assert_eq!(PresentedKey::from_body(&url).unwrap(), key);
        assert_eq!(key.parse().unwrap().thumbprint(), key.thumbprint());
    }

    #[test]
    fn both_dialects_are_written_as_the_vectors_are() {
        let key = PresentedKey::from_body(BODY).unwrap();
        assert_eq!(encode_body(&key.spki), BODY);
        assert_eq!(encode_query_android(&key.spki), QUERY);
        assert_eq!(encode_query_ios(&key.spki), QUERY.trim_end_matches('='));
    }

    #[test]
    fn the_signatures_of_the_vectors_verify() {
        let key = PresentedKey::from_body(BODY).unwrap().parse().unwrap();
        let challenge = concat!(
            "MEUCIEXM6xp6d/pamCwtagodTTdfBe3cnZJTuH9CQvCpYoWpAiEA2zp4ZVQzWkW9S3Yi+8MMpL3eaG+U",
            "fDoVdedR/nG6nyc=",
        );
        let window = concat!(
            "MEUCIEnCXdac3k7838BaBtW7Ucp4C2ET9oU0LPBgJBTtNfzRAiEAxxW68HnA8eAuu2NSCoLUtAF8MuIq",
            "sVjX4IOuPGj13d4=",
        );
        assert!(key.verify(b"challenge-123", &decode_signature(challenge).unwrap()).is_ok());
        assert!(key.verify(b"2892816.0", &decode_signature(window).unwrap()).is_ok());
        assert!(key.verify(b"challenge-124", &decode_signature(challenge).unwrap()).is_err());
    }

    #[test]
    fn line_ends_and_wrapping_are_skipped() {
        let key = PresentedKey::from_body(BODY).unwrap();
        let signature = encode_signature(&[7; 70]);
        for (width, end) in [(64, "\n"), (76, "\r\n"), (10, "\n\t "), (1000, "\n")] {
            let wrapped = |text: &str| {
                let lines = text.as_bytes().chunks(width).map(|l| std::str::from_utf8(l).unwrap());
                lines.map(|line| line.to_owned() + end).collect::<String>()
            };
            assert_eq!(PresentedKey::from_body(&wrapped(BODY)).unwrap(), key, "{width}");
            assert_eq!(decode_signature(&wrapped(&signature)).unwrap(), [7; 70], "{width}");
            let lines = wrapped(QUERY).replace(['\t', ' '], "");
            assert_eq!(PresentedKey::from_query(&lines).unwrap(), key, "{width}");
        }
        let unescaped = BODY.replace('+', " ");
        assert_eq!(PresentedKey::from_query(&unescaped).unwrap(), key);
        assert!(PresentedKey::from_body(&unescaped).is_err());
        assert!(decode_signature("AA\u{a0}AA").is_err());
    }

    #[test]
    fn other_texts_are_refused_by_name() {
        let long = "M".repeat(100_000);
        for bad in ["", "M", "MFkw", "not base64!", "AAAA", &long, &"T".repeat(100_000)] {
            for key in [PresentedKey::from_body(bad), PresentedKey::from_query(bad)] {
                assert_eq!(key.unwrap_err().field, "publicKey", "{bad:.20}");
            }
        }
        assert_eq!(decode_signature("?").unwrap_err().field, "signature");
        assert_eq!(decode_signature(&long).unwrap_err().field, "signature");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,200}") {
            let _ = PresentedKey::from_body(&text);
            let _ = PresentedKey::from_query(&text);
            let _ = decode_signature(&text);
        }
    }
}
