//! Bodies of a browser's requests about challenges.

mod wait;

pub use wait::{WAITS_PER_POLL_MAX, Wait, WaitAnswer, WaitRequest, WaitResponse};

use countersign_core::challenge::Challenge;
use countersign_core::id::{ActionCode, AuthenticatorId, ChallengeId, IdempotencyKey};
use countersign_core::outcome;
use serde::{Deserialize, Serialize};

use crate::InvalidField;
use crate::field;
use crate::names::Outcome;
use crate::secret::Secret;

/// Body of `POST /client/challenge/push`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PushChallengeRequest {
    /// Code of the action to confirm. If absent, it is the token's action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Id of the only authenticator that may answer. If absent, every authenticator of the user may
    /// answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_authenticator_id: Option<String>,
    /// True or absent: the new challenge supersedes an open one of the same action. False: an open
    /// challenge makes the server reject the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supersede: Option<bool>,
}

/// A [`PushChallengeRequest`] after the check of its fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushChallenge {
    /// Code of the action to confirm. If present, it must be the token's action.
    pub action: Option<ActionCode>,
    /// The only authenticator that may answer. None if every authenticator of the user may.
    pub target: Option<AuthenticatorId>,
    /// True if the new challenge supersedes an open one of the same action.
    pub supersede: bool,
}

impl PushChallengeRequest {
    /// Checks every field and converts the request for the core.
    ///
    /// # Errors
    /// [`InvalidField`].
    pub fn into_core(self) -> Result<PushChallenge, InvalidField> {
        let target = self.user_authenticator_id.as_deref();
        Ok(PushChallenge {
            action: field::id("action", self.action.as_deref(), ActionCode::parse)?,
            target: field::id("userAuthenticatorId", target, AuthenticatorId::parse)?,
            supersede: self.supersede.unwrap_or(true),
        })
    }
}

/// Response to a [`PushChallengeRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PushChallengeResponse {
    /// Id of the new challenge.
    pub challenge_id: String,
    /// Time at which the challenge expires, in Unix seconds.
    pub expires_at: u64,
    /// The number that the browser shows and the person types on the device. No other response
    /// contains it. Absent if the tenant does not use number matching.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<Secret>,
    /// Results of the notifications. The field is left out if no result is known, because the
    /// browser SDK reads an empty list as a list of failures only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delivery_results: Vec<DeliveryResult>,
}

impl PushChallengeResponse {
    /// Makes the response about a new challenge.
    #[must_use]
    pub fn new(challenge: &Challenge, delivery_results: Vec<DeliveryResult>) -> Self {
        Self {
            challenge_id: challenge.id.as_str().to_owned(),
            expires_at: challenge.expires_at.seconds(),
            number: challenge.number.as_ref().map(|asked| Secret::new(asked.number.reveal())),
            delivery_results,
        }
    }
}

/// Result of the push notification to one authenticator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryResult {
    /// Id of the authenticator.
    pub user_authenticator_id: String,
    /// Code of the failure. Absent if the notification did not fail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
}

/// Body of `POST /client/verify/push` and `POST /client/cancel/push`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerifyRequest {
    /// Id of the challenge.
    pub challenge_id: String,
}

/// Body of `POST /client/cancel/push`.
pub type CancelRequest = VerifyRequest;

/// Body of `POST /client/leave/push`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeaveRequest {
    /// Id of the challenge. If absent, the request is about the challenge of the token's action
    /// that is open when the grace period ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub challenge_id: Option<String>,
}

impl LeaveRequest {
    /// Checks the form of the challenge's id, if the request has one.
    ///
    /// # Errors
    /// [`InvalidField`].
    pub fn into_core(self) -> Result<Option<ChallengeId>, InvalidField> {
        let id = self.challenge_id.map(|challenge_id| VerifyRequest { challenge_id }.into_core());
        id.transpose()
    }
}

impl VerifyRequest {
    /// Checks the form of the challenge's id.
    ///
    /// # Errors
    /// [`InvalidField`].
    pub fn into_core(self) -> Result<ChallengeId, InvalidField> {
        ChallengeId::parse(&self.challenge_id).map_err(|e| InvalidField::id("challengeId", &e))
    }
}

/// Response to a verify request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerifyResponse {
    /// True if the person approved.
    pub is_verified: bool,
    /// True if the challenge has ended by anything but expiry, such as a decision or a
    /// cancellation.
    pub is_consumed: bool,
    /// Token that the browser receives for an approval. Absent unless `is_verified` is true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token: Option<Secret>,
    /// Outcome of the challenge. Absent while the challenge is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Time at which the challenge expires, in Unix seconds.
    pub expires_at: u64,
}

impl VerifyResponse {
    /// Returns true if the server issues a token for this outcome.
    #[must_use]
    pub const fn earns_token(outcome: outcome::Outcome) -> bool {
        matches!(outcome, outcome::Outcome::Approved)
    }

    /// Makes the response about a challenge. It counts as verified only if the challenge was
    /// approved and the caller passes a token: the caller passes none if the relying party has
    /// overridden the action since.
    #[must_use]
    pub fn new(challenge: &Challenge, access_token: Option<Secret>) -> Self {
        let outcome = challenge.ended.as_ref().map(|e| e.outcome);
        let is_verified = access_token.is_some() && outcome.is_some_and(Self::earns_token);
        Self {
            is_verified,
            is_consumed: outcome.is_some_and(|o| o != outcome::Outcome::Expired),
            access_token: access_token.filter(|_| is_verified),
            outcome: outcome.map(Outcome::from),
            expires_at: challenge.expires_at.seconds(),
        }
    }
}

/// Response to a [`CancelRequest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelResponse {
    /// The challenge's outcome. If the challenge had ended before the request, this is its earlier
    /// outcome.
    pub outcome: Outcome,
}

/// Response to a [`LeaveRequest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaveResponse {
    /// The challenge's outcome. None while the challenge is open: the server cancels it soon,
    /// unless a poll waits for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
}

/// Body of `POST /client/challenge`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GenericChallengeRequest {
    /// Code of the action. If absent, it is the token's action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Idempotency key of the action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

impl GenericChallengeRequest {
    /// Checks every field. Returns the action's code and its idempotency key, if the request has
    /// them.
    ///
    /// # Errors
    /// [`InvalidField`].
    pub fn into_core(self) -> Result<(Option<ActionCode>, Option<IdempotencyKey>), InvalidField> {
        let key = self.idempotency_key.as_deref();
        Ok((
            field::id("action", self.action.as_deref(), ActionCode::parse)?,
            field::id("idempotencyKey", key, IdempotencyKey::parse)?,
        ))
    }
}

/// Response to a [`GenericChallengeRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GenericChallengeResponse {
    /// Id to name in later requests.
    pub challenge_id: String,
    /// Nonce that an attestation has to contain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<Secret>,
}

#[cfg(test)]
mod tests {
    use countersign_core::challenge::Ended;
    use countersign_core::id::{AccountKey, ActionKey, TenantId, UserId};
    use countersign_core::number_match::{AskedNumber, Number};
    use countersign_core::time::UnixMillis;
    use serde_json::json;

    use super::*;

    fn challenge(outcome: Option<outcome::Outcome>) -> Challenge {
        let user = UserId::parse("u-1").unwrap();
        Challenge {
            id: ChallengeId::from_entropy(&[0; 24]),
            account: AccountKey { tenant: TenantId::parse("demo").unwrap(), user },
            action: ActionKey {
                code: ActionCode::parse("signIn").unwrap(),
                idempotency_key: IdempotencyKey::parse("k").unwrap(),
            },
            targets: Vec::new(),
            issued_at: UnixMillis(0),
            expires_at: UnixMillis(1_735_690_200_999),
            held: false,
            notifications: 0,
            ended: outcome.map(|o| Ended::without_device(o, UnixMillis(1))),
            number: None,
            shown: None,
        }
    }

    fn verified(outcome: Option<outcome::Outcome>) -> serde_json::Value {
        let token = Some(Secret::new("J2.W2.T2"));
        serde_json::to_value(VerifyResponse::new(&challenge(outcome), token)).unwrap()
    }

    #[test]
    fn only_an_approval_earns_a_token() {
        use outcome::Outcome::*;
        assert_eq!(
            verified(Some(Approved)),
            json!({"isVerified": true, "isConsumed": true, "accessToken": "J2.W2.T2",
                   "outcome": "approved", "expiresAt": 1_735_690_200})
        );
        for outcome in [Denied, Reported, Failed, Cancelled, Superseded, Revoked] {
            let body = verified(Some(outcome));
            assert_eq!(body["isVerified"], false, "{outcome:?}");
            assert_eq!(body["isConsumed"], true, "{outcome:?}");
            assert_eq!(body["accessToken"], json!(null), "{outcome:?}");
            assert_eq!(body["outcome"], outcome.name());
        }
    }

    #[test]
    fn pending_and_expired_are_told_apart_by_the_outcome_alone() {
        let pending = json!({"isVerified": false, "isConsumed": false, "expiresAt": 1_735_690_200});
        assert_eq!(verified(None), pending);
        let mut expired = verified(Some(outcome::Outcome::Expired));
        assert_eq!(expired.as_object_mut().unwrap().remove("outcome"), Some(json!("expired")));
        assert_eq!(expired, pending);
    }

    #[test]
    fn the_number_is_told_to_who_starts_a_challenge_and_not_to_who_polls() {
        let number = Some(AskedNumber { number: Number::restore("042"), tries: 1 });
        let challenge = Challenge { number, ..challenge(None) };
        let response = PushChallengeResponse::new(&challenge, Vec::new());
        assert!(!format!("{response:?}").contains("042"));
        assert_eq!(
            serde_json::to_value(response).unwrap(),
            json!({"challengeId": challenge.id.as_str(), "expiresAt": 1_735_690_200,
                   "number": "042"})
        );
        let polled = serde_json::to_value(VerifyResponse::new(&challenge, None)).unwrap();
        assert!(polled.get("number").is_none());
    }

    #[test]
    fn a_new_challenge_takes_the_place_of_an_open_one_unless_told_not_to() {
        assert!(PushChallengeRequest::default().into_core().unwrap().supersede);
        let request =
            |body| serde_json::from_value::<PushChallengeRequest>(body).unwrap().into_core();
        assert!(!request(json!({"supersede": false})).unwrap().supersede);
        assert_eq!(request(json!({"action": "a b"})).unwrap_err().field, "action");
        let bad = request(json!({"userAuthenticatorId": "x"}));
        assert_eq!(bad.unwrap_err().field, "userAuthenticatorId");
    }
}
