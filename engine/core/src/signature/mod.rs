//! Public keys and the signatures they check, alone and in batches: one file per algorithm, one
//! table.

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

/// Encoding of a credential's signatures. It belongs to the credential and is never guessed from a
/// signature.
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

    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Der => "der",
            Self::P1363 => "p1363",
            Self::Raw => "raw",
        }
    }

    /// The encoding in words, for somebody who has sent another.
    #[must_use]
    pub const fn described(self) -> &'static str {
        match self {
            Self::Der => "ASN.1 DER, as signatureFormat \"der\" says",
            Self::P1363 => "r and s of 32 bytes each, as signatureFormat \"p1363\" says",
            Self::Raw => "the 64 bytes of Ed25519",
        }
    }

    /// The format of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}

/// A key that is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// Not a `SubjectPublicKeyInfo` of the algorithm, in its one canonical form.
    #[error("not a DER SubjectPublicKeyInfo of the algorithm")]
    Encoding,
    /// Not a point that a signature can be checked against.
    #[error("not an acceptable point of the curve")]
    Point,
    /// A key of the algorithm makes no signatures of that format.
    #[error("not a signature format of the algorithm")]
    Format,
}

/// A signature that does not verify. It says nothing about why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify")]
pub struct InvalidSignature;

/// A parsed key of one algorithm.
trait Verifier: Send + Sync {
    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature>;

    /// The signature's term in the equation of a batch, if the algorithm has one.
    fn term(
        &self,
        _message: &[u8],
        _signature: &[u8],
    ) -> Option<Result<ed25519::Term, InvalidSignature>> {
        None
    }
}

/// A key that was parsed once and is shared by all copies of its [`PublicKey`].
type Parsed = Arc<dyn Verifier>;

struct Scheme {
    algorithm: Algorithm,
    name: &'static str,
    /// The formats of its signatures; the first is meant where none is named.
    formats: &'static [SignatureFormat],
    /// True if one equation can check many signatures.
    batches: bool,
    /// Bytes before the key in every `SubjectPublicKeyInfo` of the algorithm.
    spki_prefix: &'static [u8],
    key_bytes: usize,
    parse: fn(&[u8], SignatureFormat) -> Result<Parsed, InvalidKey>,
}

static SCHEMES: [Scheme; 2] = [p256::SCHEME, ed25519::SCHEME];

impl Algorithm {
    /// The name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.scheme().name
    }

    /// The algorithm of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        SCHEMES.iter().find(|s| s.name == name).map(|s| s.algorithm)
    }

    /// The algorithm that a DER `SubjectPublicKeyInfo` is of, by its first bytes alone.
    #[must_use]
    pub fn of_spki(spki: &[u8]) -> Option<Self> {
        SCHEMES.iter().find(|s| spki.starts_with(s.spki_prefix)).map(|s| s.algorithm)
    }

    /// The formats of its signatures; the first is meant where none is named.
    #[must_use]
    pub fn formats(self) -> &'static [SignatureFormat] {
        self.scheme().formats
    }

    /// Tells whether one equation can check many of its signatures.
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

/// A public key, checked once and kept parsed.
#[derive(Clone)]
pub struct PublicKey {
    algorithm: Algorithm,
    format: SignatureFormat,
    spki: Arc<[u8]>,
    thumbprint: Thumbprint,
    parsed: Parsed,
}

impl PublicKey {
    /// Parses a DER `SubjectPublicKeyInfo` of a credential whose signatures are of the algorithm's
    /// first format.
    ///
    /// # Errors
    /// As [`PublicKey::with_format`].
    pub fn from_spki(algorithm: Algorithm, spki: &[u8]) -> Result<Self, InvalidKey> {
        let format = algorithm.formats().first().ok_or(InvalidKey::Format)?;
        Self::with_format(algorithm, *format, spki)
    }

    /// Parses a DER `SubjectPublicKeyInfo` of a credential whose signatures are of `format`.
    ///
    /// # Errors
    /// [`InvalidKey`] for another algorithm, another encoding, a format that the algorithm does not
    /// have, or a point that is not on the curve, not canonical, of small order or not
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

    /// Checks a signature.
    ///
    /// # Errors
    /// [`InvalidSignature`], whatever is wrong with it.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        self.parsed.verify(message, signature)
    }

    /// Tells whether a signature has the shape of another format of ECDSA than this key's. It
    /// explains a signature that did not verify, and decides nothing.
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

    /// The algorithm.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Gives the encoding of its signatures.
    #[must_use]
    pub const fn format(&self) -> SignatureFormat {
        self.format
    }

    /// The DER `SubjectPublicKeyInfo`.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// SHA-256 over the `SubjectPublicKeyInfo`.
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
