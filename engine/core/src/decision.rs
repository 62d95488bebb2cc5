//! Decisions of devices, and the only way to a [`VerifiedDecision`].
//!
//! This module builds the signed bytes from the server's own knowledge of the challenge, of the
//! binding that may answer it and of its key's signing mode; the answer itself adds nothing but the
//! choice and the number.

use std::borrow::Borrow;
use std::fmt;

use crate::challenge::{Challenge, Ended};
use crate::device::{Device, Signing};
use crate::id::{AuthenticatorId, ChallengeId};
use crate::number_match::TypedNumber;
use crate::outcome::Decision;
use crate::refusal::Refusal;
use crate::signature::{Check, InvalidSignature, Proof, PublicKey};
use crate::statement::{DecisionStatement, Statement};

/// A decision as it came in: nothing about it is known to be true.
#[derive(Clone)]
pub struct SignedDecision {
    /// The challenge it answers.
    pub challenge: ChallengeId,
    /// The answer.
    pub decision: Decision,
    /// The number that the person typed, where one was.
    pub number: Option<TypedNumber>,
    /// Signature in the key's format, over the message of its [mode](Signing).
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

/// A challenge and the binding that may answer it: the subject of a decision's signature.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    challenge: &'a Challenge,
    binding: &'a Device,
    signing: Signing,
}

impl<'a> Asked<'a> {
    /// Finds the binding of a key that a challenge was sent to. `signing` is the key's mode, which
    /// a binding never lowers.
    #[must_use]
    pub fn among<D: Borrow<Device>>(
        bindings: &'a [D],
        challenge: &'a Challenge,
        signing: Signing,
    ) -> Option<Self> {
        let asked =
            |d: &&Device| d.account == challenge.account && challenge.targets.contains(&d.id);
        let binding = bindings.iter().map(Borrow::borrow).find(asked)?;
        Some(Self { challenge, binding, signing: signing.max(binding.signing) })
    }

    /// Builds the message under `signed`. `None` if it answers another challenge, or one issued
    /// before there were statements.
    fn message(&self, signed: &SignedDecision) -> Option<Vec<u8>> {
        let Self { challenge, binding, signing } = *self;
        if signed.challenge != challenge.id {
            return None;
        }
        if signing == Signing::ChallengeId {
            return Some(challenge_id_message(&signed.challenge));
        }
        let shown = challenge.shown.as_ref()?;
        let statement = DecisionStatement {
            tenant: &challenge.account.tenant,
            challenge: &challenge.id,
            nonce: &shown.nonce,
            authenticator: &binding.id,
            key: binding.key.thumbprint(),
            decision: signed.decision,
            display: shown.display.digest(),
            number: signed.number.as_ref(),
            expires_at_seconds: challenge.expires_at.seconds(),
        };
        Some(Statement::Decision(statement).to_bytes())
    }
}

/// A decision whose signature verified under the key of a binding that was asked. Only [`verify`]
/// and [`proven`] make one.
#[derive(Clone, Debug)]
pub struct VerifiedDecision {
    signed: SignedDecision,
    by: AuthenticatorId,
    signing: Signing,
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

    /// The binding that answers.
    #[must_use]
    pub const fn by(&self) -> &AuthenticatorId {
        &self.by
    }

    /// Signing mode of the signature.
    #[must_use]
    pub const fn signing(&self) -> Signing {
        self.signing
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
/// [`InvalidSignature`] if the signature is not one of the asked binding's key over this decision.
pub fn verify(
    asked: Asked<'_>,
    signed: SignedDecision,
) -> Result<VerifiedDecision, InvalidSignature> {
    let proof = check(asked, &signed).verify()?;
    proven(asked, signed, &proof)
}

/// The signature of a decision, to be checked alone or in a batch.
#[must_use]
pub fn check(asked: Asked<'_>, signed: &SignedDecision) -> Check {
    let messages = asked.message(signed).into_iter().collect();
    Check::any_of(asked.binding.key.clone(), messages, signed.signature.clone())
}

/// Makes a verified decision from a proven [`check`].
///
/// # Errors
/// [`InvalidSignature`] if the proof is one of something else.
pub fn proven(
    asked: Asked<'_>,
    signed: SignedDecision,
    proof: &Proof,
) -> Result<VerifiedDecision, InvalidSignature> {
    let same_key = proof.key() == &asked.binding.key;
    let same_message = asked.message(&signed).is_some_and(|message| proof.message() == message);
    if !same_key || !same_message || proof.signature() != signed.signature {
        return Err(InvalidSignature);
    }
    Ok(VerifiedDecision { signed, by: asked.binding.id.clone(), signing: asked.signing })
}

/// The signature of a decision about a challenge that its key was not asked about. It proves
/// nothing about the challenge, but tells the key's holder from strangers, because strangers are to
/// learn nothing. A key that signs statements has nothing here that it could have signed.
#[must_use]
pub fn check_unasked(key: PublicKey, signing: Signing, signed: &SignedDecision) -> Check {
    let message = match signing {
        Signing::ChallengeId => challenge_id_message(&signed.challenge),
        // Not a statement: the check takes its time, and is good for nothing.
        Signing::StatementV1 => b"countersign/unasked".to_vec(),
    };
    Check::new(key, message, signed.signature.clone())
}

/// The message of the official SDKs: the challenge id and nothing else.
fn challenge_id_message(challenge: &ChallengeId) -> Vec<u8> {
    challenge.as_str().as_bytes().to_vec()
}

impl Challenge {
    /// Answers a decision that came after the end: the same one from the same device is told the
    /// recorded result, anything else is refused. None while the challenge is open.
    ///
    /// A device that was not asked is told the same as before the end.
    #[must_use]
    pub fn repeated(&self, decision: &VerifiedDecision) -> Option<Result<Ended, Refusal>> {
        let ended = self.ended.as_ref()?;
        let by = decision.by();
        if *decision.challenge() != self.id || !self.targets.contains(by) {
            return Some(Err(Refusal::ChallengeUnknown));
        }
        let same = ended.by.as_ref() == Some(by) && ended.outcome == decision.decision().outcome();
        Some(if same { Ok(ended.clone()) } else { Err(Refusal::ChallengeEnded) })
    }
}
