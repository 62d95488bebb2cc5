//! Decisions of devices, and the check of their signatures, which alone makes a
//! [`VerifiedDecision`].
//!
//! The module builds the signed message from the server's own records: the challenge, the binding
//! that may answer it, and the key's signing mode. The device's answer adds only the decision and
//! the typed number.

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

/// A decision as the server received it, before its signature is checked.
#[derive(Clone)]
pub struct SignedDecision {
    /// Id of the challenge that the decision answers.
    pub challenge: ChallengeId,
    /// The user's choice: approve, deny or report.
    pub decision: Decision,
    /// The number that the person typed, if any.
    pub number: Option<TypedNumber>,
    /// The signature, in the key's signature format. The key's [signing mode](Signing) decides
    /// which message the key signs.
    pub signature: Vec<u8>,
}

impl fmt::Debug for SignedDecision {
    /// Leaves the signature out, so that no signature gets into a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { challenge, decision, number: _, signature: _ } = self;
        let mut shown = f.debug_struct("SignedDecision");
        shown.field("challenge", challenge).field("decision", decision).finish_non_exhaustive()
    }
}

/// A challenge, the binding that may answer it, and the signing mode of the binding's key. A
/// decision's signature is checked against the three.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    challenge: &'a Challenge,
    binding: &'a Device,
    signing: Signing,
}

impl<'a> Asked<'a> {
    /// Finds the binding in `bindings` that may answer `challenge`. `signing` is the key's signing
    /// mode; a binding with a higher mode raises it, and none lowers it. `None` if the challenge
    /// asks none of the bindings.
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

    /// Builds the message that the signature of `signed` has to sign. `None` if the decision names
    /// another challenge, or if a statement is needed and the challenge was recorded before
    /// statements existed.
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

/// A decision whose signature verified with the key of a binding that the challenge asks. Only
/// [`verify`] and [`proven`] make one.
#[derive(Clone, Debug)]
pub struct VerifiedDecision {
    signed: SignedDecision,
    by: AuthenticatorId,
    signing: Signing,
}

impl VerifiedDecision {
    /// Returns the id of the challenge that the decision answers.
    #[must_use]
    pub const fn challenge(&self) -> &ChallengeId {
        &self.signed.challenge
    }

    /// Returns the decision.
    #[must_use]
    pub const fn decision(&self) -> Decision {
        self.signed.decision
    }

    /// Returns the number that the person typed, if any.
    #[must_use]
    pub const fn number(&self) -> Option<&TypedNumber> {
        self.signed.number.as_ref()
    }

    /// Returns the id of the binding whose key signed.
    #[must_use]
    pub const fn by(&self) -> &AuthenticatorId {
        &self.by
    }

    /// Returns the signing mode in which the decision was signed.
    #[must_use]
    pub const fn signing(&self) -> Signing {
        self.signing
    }

    /// Returns the signature.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.signed.signature
    }
}

/// Checks the signature of one decision, without a batch.
///
/// # Errors
/// [`InvalidSignature`] if the signature does not verify with the binding's key over this decision.
pub fn verify(
    asked: Asked<'_>,
    signed: SignedDecision,
) -> Result<VerifiedDecision, InvalidSignature> {
    let proof = check(asked, &signed).verify()?;
    proven(asked, signed, &proof)
}

/// Prepares the check of a decision's signature. The caller runs it alone or in a batch.
#[must_use]
pub fn check(asked: Asked<'_>, signed: &SignedDecision) -> Check {
    let messages = asked.message(signed).into_iter().collect();
    Check::any_of(asked.binding.key.clone(), messages, signed.signature.clone())
}

/// Makes a verified decision from the proof that [`check`] of the same decision has passed.
///
/// # Errors
/// [`InvalidSignature`] if the proof is about another key, message or signature.
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

/// Prepares the check of a decision about a challenge that does not ask `key`. The check shows
/// whether the sender holds the key, so that the server gives details to the key's holder only. For
/// a key that signs statements the check always fails, because the server knows no challenge from
/// which it could build the statement.
#[must_use]
pub fn check_unasked(key: PublicKey, signing: Signing, signed: &SignedDecision) -> Check {
    let message = match signing {
        Signing::ChallengeId => challenge_id_message(&signed.challenge),
        // No key signs this text. The check only has to take as long as a real one.
        Signing::StatementV1 => b"countersign/unasked".to_vec(),
    };
    Check::new(key, message, signed.signature.clone())
}

/// Returns the message that the official SDKs sign: the challenge id and nothing else.
fn challenge_id_message(challenge: &ChallengeId) -> Vec<u8> {
    challenge.as_str().as_bytes().to_vec()
}

impl Challenge {
    /// Answers a decision that arrives after the challenge has ended. The same decision from the
    /// same device gets the recorded end; any other decision is refused. `None` while the challenge
    /// is open.
    ///
    /// A device that the challenge did not ask gets [`Refusal::ChallengeUnknown`], as it did before
    /// the end.
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
