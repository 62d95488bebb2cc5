//! Public keys and the signatures they check: one file per algorithm, one table.

use std::fmt;
use std::sync::Arc;

use crate::id::Thumbprint;

mod ed25519;
mod p256;

/// A signature algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// ECDSA over P-256 with SHA-256; signatures are strict ASN.1 DER.
    Es256,
    /// Ed25519; signatures are 64 bytes.
    Ed25519,
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
}

/// A signature that does not verify. It says nothing about why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify")]
pub struct InvalidSignature;

/// A parsed key of one algorithm.
trait Verifier: Send + Sync {
    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature>;
}

struct Scheme {
    algorithm: Algorithm,
    name: &'static str,
    /// What stands before the key in every `SubjectPublicKeyInfo` of the algorithm.
    spki_prefix: &'static [u8],
    key_bytes: usize,
    parse: fn(&[u8]) -> Result<Arc<dyn Verifier>, InvalidKey>,
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
    spki: Arc<[u8]>,
    thumbprint: Thumbprint,
    verifier: Arc<dyn Verifier>,
}

impl PublicKey {
    /// Parses a DER `SubjectPublicKeyInfo`.
    ///
    /// # Errors
    /// [`InvalidKey`] for another algorithm, another encoding, or a point that is not on the curve, not
    /// canonical, of small order or not torsion-free.
    pub fn from_spki(algorithm: Algorithm, spki: &[u8]) -> Result<Self, InvalidKey> {
        let scheme = algorithm.scheme();
        let key = spki.strip_prefix(scheme.spki_prefix).ok_or(InvalidKey::Encoding)?;
        if key.len() != scheme.key_bytes {
            return Err(InvalidKey::Encoding);
        }
        let verifier = (scheme.parse)(key)?;
        Ok(Self { algorithm, spki: spki.into(), thumbprint: Thumbprint::of_spki(spki), verifier })
    }

    /// Checks a signature.
    ///
    /// # Errors
    /// [`InvalidSignature`], whatever is wrong with it.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        self.verifier.verify(message, signature)
    }

    /// The algorithm.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
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
