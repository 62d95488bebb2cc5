//! A device's answer to a challenge, and the only way to a [`VerifiedDecision`].

use std::fmt;

use crate::challenge::Outcome;
use crate::id::{ChallengeId, Thumbprint};
use crate::number_match::TypedNumber;
use crate::signature::{Check, InvalidSignature, Proof, PublicKey};

/// What the person chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It was me: go on.
    Approve,
    /// Stop.
    Deny,
    /// Stop, and it was not me.
    Report,
}

impl Decision {
    /// How a challenge ends that is decided so.
    #[must_use]
    pub const fn outcome(self) -> Outcome {
        match self {
            Self::Approve => Outcome::Approved,
            Self::Deny => Outcome::Denied,
            Self::Report => Outcome::Reported,
        }
    }

    /// The name on the wire and in statements.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Deny => "deny",
            Self::Report => "report",
        }
    }
}

/// A decision as it came in: nothing about it is known to be true.
#[derive(Clone)]
pub struct SignedDecision {
    /// The challenge it answers.
    pub challenge: ChallengeId,
    /// The answer.
    pub decision: Decision,
    /// The number that the person typed, where one was.
    pub number: Option<TypedNumber>,
    /// Signature over the challenge id, in the key's format.
    pub signature: Vec<u8>,
}

impl fmt::Debug for SignedDecision {
    /// Leaves the signature out, so that none can get into a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { challenge, decision, number: _, signature: _ } = self;
        let mut shown = f.debug_struct("SignedDecision");
        shown.field("challenge", challenge).field("decision", decision).finish_non_exhaustive()
    }
}

/// A decision whose signature verified under a known key. Only [`verify`] and [`proven`] make one.
#[derive(Clone, Debug)]
pub struct VerifiedDecision {
    signed: SignedDecision,
    thumbprint: Thumbprint,
}

impl VerifiedDecision {
    /// The challenge it answers.
    #[must_use]
    pub const fn challenge(&self) -> &ChallengeId {
        &self.signed.challenge
    }

    /// The answer.
    #[must_use]
    pub const fn decision(&self) -> Decision {
        self.signed.decision
    }

    /// The number that the person typed, where one was.
    #[must_use]
    pub const fn number(&self) -> Option<&TypedNumber> {
        self.signed.number.as_ref()
    }

    /// The key that signed it.
    #[must_use]
    pub const fn thumbprint(&self) -> Thumbprint {
        self.thumbprint
    }

    /// The signature.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.signed.signature
    }
}

/// Checks the signature of a decision alone.
///
/// # Errors
/// [`InvalidSignature`] if the signature is not one of `key` over this decision.
pub fn verify(
    key: &PublicKey,
    signed: SignedDecision,
) -> Result<VerifiedDecision, InvalidSignature> {
    let proof = check(key, &signed).verify()?;
    proven(signed, &proof)
}

/// The signature of a decision, to be checked alone or in a batch.
#[must_use]
pub fn check(key: &PublicKey, signed: &SignedDecision) -> Check {
    Check::new(key.clone(), statement(signed), signed.signature.clone())
}

/// A decision that is proven by what became of its [`check`].
///
/// # Errors
/// [`InvalidSignature`] if the proof is one of something else.
pub fn proven(signed: SignedDecision, proof: &Proof) -> Result<VerifiedDecision, InvalidSignature> {
    if proof.message() != statement(&signed) || proof.signature() != signed.signature {
        return Err(InvalidSignature);
    }
    Ok(VerifiedDecision { signed, thumbprint: proof.key().thumbprint() })
}

/// What a device signs. The official SDKs sign the challenge id and nothing else.
fn statement(signed: &SignedDecision) -> Vec<u8> {
    signed.challenge.as_str().as_bytes().to_vec()
}
