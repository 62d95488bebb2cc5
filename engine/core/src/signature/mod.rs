//! Public keys, and verification of signatures, singly and in batches. Each algorithm has one file
//! and one entry in a table.

use std::fmt;
use std::sync::Arc;

use crate::id::Thumbprint;

mod check;
mod ed25519;
mod p256;

pub use check::{Check, Proof, verify_all, verify_batch};

/// A signature algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// ECDSA over P-256 with SHA-256.
    Es256,
    /// Ed25519.
    Ed25519,
}

/// Encoding of a credential's signatures. It is stored with the credential and is never guessed
/// from a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignatureFormat {
    /// Strict ASN.1 DER.
    Der,
    /// `r` and `s` of ECDSA, 32 bytes each (IEEE P1363).
    P1363,
    /// The 64 bytes of Ed25519.
    Raw,
}

impl SignatureFormat {
    const ALL: [Self; 3] = [Self::Der, Self::P1363, Self::Raw];

    /// Returns the name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Der => "der",
            Self::P1363 => "p1363",
            Self::Raw => "raw",
        }
    }

    /// Describes the encoding, for error messages to a caller who sent a signature in another
    /// format.
    #[must_use]
    pub const fn described(self) -> &'static str {
        match self {
            Self::Der => "ASN.1 DER, as signatureFormat \"der\" says",
            Self::P1363 => "r and s of 32 bytes each, as signatureFormat \"p1363\" says",
            Self::Raw => "the 64 bytes of Ed25519",
        }
    }

    /// Returns the format with this name on the wire.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}

/// Error for a public key that is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// The bytes are not a `SubjectPublicKeyInfo` of the algorithm in its canonical form.
    #[error("not a DER SubjectPublicKeyInfo of the algorithm")]
    Encoding,
    /// The key is not an acceptable point of the curve.
    #[error("not an acceptable point of the curve")]
    Point,
    /// The algorithm does not have the signature format.
    #[error("not a signature format of the algorithm")]
    Format,
}

/// Error for a signature that does not verify. It does not say why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify")]
pub struct InvalidSignature;

/// A parsed key of one algorithm.
trait Verifier: Send + Sync {
    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature>;

    /// Computes the signature's term in the equation of a batch. `None` if the algorithm has no
    /// batches.
    fn term(
        &self,
        _message: &[u8],
        _signature: &[u8],
    ) -> Option<Result<ed25519::Term, InvalidSignature>> {
        None
    }
}

/// A parsed key, which all clones of a [`PublicKey`] share.
type Parsed = Arc<dyn Verifier>;

struct Scheme {
    algorithm: Algorithm,
    name: &'static str,
    /// The formats of the algorithm's signatures. The first is the default.
    formats: &'static [SignatureFormat],
    /// True if one equation can check many signatures of the algorithm.
    batches: bool,
    /// The fixed bytes before the key in every `SubjectPublicKeyInfo` of the algorithm.
    spki_prefix: &'static [u8],
    key_bytes: usize,
    parse: fn(&[u8], SignatureFormat) -> Result<Parsed, InvalidKey>,
}

static SCHEMES: [Scheme; 2] = [p256::SCHEME, ed25519::SCHEME];

impl Algorithm {
    /// Returns the name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.scheme().name
    }

    /// Returns the algorithm with this name on the wire.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        SCHEMES.iter().find(|s| s.name == name).map(|s| s.algorithm)
    }

    /// Returns the algorithm of a DER `SubjectPublicKeyInfo`. It reads only the first bytes and
    /// does not check the rest.
    #[must_use]
    pub fn of_spki(spki: &[u8]) -> Option<Self> {
        SCHEMES.iter().find(|s| spki.starts_with(s.spki_prefix)).map(|s| s.algorithm)
    }

    /// Returns the formats of the algorithm's signatures. The first is the default.
    #[must_use]
    pub fn formats(self) -> &'static [SignatureFormat] {
        self.scheme().formats
    }

    /// Returns true if one equation can check many signatures of the algorithm.
    #[must_use]
    pub fn batches(self) -> bool {
        self.scheme().batches
    }

    fn scheme(self) -> &'static Scheme {
        match self {
            Self::Es256 => &SCHEMES[0],
            Self::Ed25519 => &SCHEMES[1],
        }
    }
}

/// A public key that was checked and parsed once.
#[derive(Clone)]
pub struct PublicKey {
    algorithm: Algorithm,
    format: SignatureFormat,
    spki: Arc<[u8]>,
    thumbprint: Thumbprint,
    parsed: Parsed,
}

impl PublicKey {
    /// Parses the DER `SubjectPublicKeyInfo` of a credential. Its signatures have the algorithm's
    /// default format, which is the first of [`Algorithm::formats`].
    ///
    /// # Errors
    /// The errors of [`PublicKey::with_format`].
    pub fn from_spki(algorithm: Algorithm, spki: &[u8]) -> Result<Self, InvalidKey> {
        let format = algorithm.formats().first().ok_or(InvalidKey::Format)?;
        Self::with_format(algorithm, *format, spki)
    }

    /// Parses the DER `SubjectPublicKeyInfo` of a credential whose signatures have the format
    /// `format`.
    ///
    /// # Errors
    /// [`InvalidKey`] for another algorithm or encoding, for a format that the algorithm does not
    /// have, and for a point that is not on the curve, not canonical, of small order or not
    /// torsion-free.
    pub fn with_format(
        algorithm: Algorithm,
        format: SignatureFormat,
        spki: &[u8],
    ) -> Result<Self, InvalidKey> {
        let scheme = algorithm.scheme();
        if !scheme.formats.contains(&format) {
            return Err(InvalidKey::Format);
        }
        let key = spki.strip_prefix(scheme.spki_prefix).ok_or(InvalidKey::Encoding)?;
        if key.len() != scheme.key_bytes {
            return Err(InvalidKey::Encoding);
        }
        let parsed = (scheme.parse)(key, format)?;
        let thumbprint = Thumbprint::of_spki(spki);
        Ok(Self { algorithm, format, spki: spki.into(), thumbprint, parsed })
    }

    /// Verifies that `signature` signs `message` with this key.
    ///
    /// # Errors
    /// [`InvalidSignature`] for any fault.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        self.parsed.verify(message, signature)
    }

    /// Returns true if a signature looks like one in the other ECDSA format than this key's. The
    /// result serves to explain a signature that did not verify; nothing is accepted or refused by
    /// it.
    #[must_use]
    pub fn is_misshapen(&self, signature: &[u8]) -> bool {
        const R_AND_S_BYTES: usize = 64;
        const SEQUENCE: u8 = 0x30;
        match self.format {
            SignatureFormat::Der => signature.len() == R_AND_S_BYTES,
            SignatureFormat::P1363 => {
                signature.len() != R_AND_S_BYTES && signature.first() == Some(&SEQUENCE)
            }
            SignatureFormat::Raw => false,
        }
    }

    fn term(
        &self,
        message: &[u8],
        signature: &[u8],
    ) -> Option<Result<ed25519::Term, InvalidSignature>> {
        self.parsed.term(message, signature)
    }

    /// Returns the key's algorithm.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns the format of the key's signatures.
    #[must_use]
    pub const fn format(&self) -> SignatureFormat {
        self.format
    }

    /// Returns the key's DER `SubjectPublicKeyInfo`.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// Returns the SHA-256 of the `SubjectPublicKeyInfo`.
    #[must_use]
    pub const fn thumbprint(&self) -> Thumbprint {
        self.thumbprint
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({} {:?})", self.algorithm.name(), self.thumbprint)
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.thumbprint == other.thumbprint
    }
}

impl Eq for PublicKey {}
