//! Bodies of a device's answer to a challenge.

use countersign_core::decision::SignedDecision;
use countersign_core::id::ChallengeId;
use countersign_core::number_match::TypedNumber;
use countersign_core::outcome;
use countersign_core::outcome::Decision;
use serde::{Deserialize, Serialize};

use crate::InvalidField;
use crate::names::Outcome;
use crate::publickey::{PresentedKey, decode_signature};
use crate::secret::Secret;

/// Body of `POST /client/user-authenticators/push/challenge`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AnswerRequest {
    /// The device's public key, in the encoding for bodies.
    pub public_key: String,
    /// Id of the challenge.
    pub challenge_id: String,
    /// Signature over the challenge's id. If the key signs statements, it is over the statement.
    pub signature: Secret,
    /// True if the person approves, false if the person denies. It may be absent if `decision` is
    /// present.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved: Option<bool>,
    /// The decision: `approve`, `deny` or `report`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<String>,
    /// The number that the person typed. Without a number, Android sends `null` and iOS omits the
    /// field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification_code: Option<Secret>,
}

impl AnswerRequest {
    /// Checks every field. Returns the key that the request claims to have signed with, and the
    /// decision with its signature. The signature is not verified here.
    ///
    /// # Errors
    /// [`InvalidField`].
    pub fn into_core(self) -> Result<(PresentedKey, SignedDecision), InvalidField> {
        let decision = decision(self.approved, self.decision.as_deref())?;
        let challenge = ChallengeId::parse(&self.challenge_id);
        let code = self.verification_code.filter(|c| !c.reveal().is_empty());
        let number = code.map(|c| TypedNumber::parse(c.reveal())).transpose();
        let number = number.map_err(|e| InvalidField::new("verificationCode", e.to_string()))?;
        let key = PresentedKey::from_body(&self.public_key)?;
        let challenge = challenge.map_err(|e| InvalidField::id("challengeId", &e))?;
        let signature = decode_signature(self.signature.reveal())?;
        Ok((key, SignedDecision { challenge, decision, number, signature }))
    }
}

/// Derives the decision from the two fields. Rejects a request with neither, and one whose fields
/// disagree.
fn decision(approved: Option<bool>, name: Option<&str>) -> Result<Decision, InvalidField> {
    let plain = approved.map(|yes| if yes { Decision::Approve } else { Decision::Deny });
    let Some(name) = name else {
        return plain.ok_or_else(|| InvalidField::new("approved", "must be there, or decision"));
    };
    let all = [Decision::Approve, Decision::Deny, Decision::Report];
    let Some(decision) = all.into_iter().find(|d| d.name() == name) else {
        return Err(InvalidField::new("decision", "must be approve, deny or report"));
    };
    if approved.is_some_and(|yes| yes != (decision == Decision::Approve)) {
        return Err(InvalidField::new("approved", "contradicts decision"));
    }
    Ok(decision)
}

/// Response to an [`AnswerRequest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AnswerResponse {
    /// True if the challenge is approved.
    pub is_verified: bool,
    /// The challenge's outcome.
    pub outcome: Outcome,
}

impl From<outcome::Outcome> for AnswerResponse {
    fn from(outcome: outcome::Outcome) -> Self {
        Self { is_verified: outcome == outcome::Outcome::Approved, outcome: outcome.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn approved_and_decision_say_one_thing_or_are_refused() {
        let names =
            [None, Some("approve"), Some("deny"), Some("report"), Some("Approve"), Some("")];
        let mut accepted = Vec::new();
        for approved in [None, Some(true), Some(false)] {
            for name in names {
                match decision(approved, name) {
                    Ok(decision) => accepted.push((approved, name, decision)),
                    Err(error) => assert!(["approved", "decision"].contains(&error.field)),
                }
            }
        }
        use Decision::{Approve, Deny, Report};
        let expected = [
            (None, Some("approve"), Approve),
            (None, Some("deny"), Deny),
            (None, Some("report"), Report),
            (Some(true), None, Approve),
            (Some(true), Some("approve"), Approve),
            (Some(false), None, Deny),
            (Some(false), Some("deny"), Deny),
            (Some(false), Some("report"), Report),
        ];
        assert_eq!(accepted, expected);
    }
}
