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

/// `POST /client/challenge/push`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PushChallengeRequest {
    /// The action to confirm; the token's if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// The one authenticator that may answer; all where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_authenticator_id: Option<String>,
    /// True, or absent, to supersede an open challenge of the same action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supersede: Option<bool>,
}

/// A [`PushChallengeRequest`] whose fields are checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushChallenge {
    /// Must be the token's action where it is given.
    pub action: Option<ActionCode>,
    /// The one authenticator that may answer.
    pub target: Option<AuthenticatorId>,
    /// True to supersede an open challenge of the same action.
    pub supersede: bool,
}

impl PushChallengeRequest {
    /// Checks every field.
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

/// Answer to [`PushChallengeRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PushChallengeResponse {
    /// The challenge.
    pub challenge_id: String,
    /// End of its life, in Unix seconds.
    pub expires_at: u64,
    /// The number that the browser shows and the person types on the device. No other answer has
    /// it. Absent if the tenant asks for no number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<Secret>,
    /// Results of the notifications. Left out if none are known, because the browser SDK takes an
    /// empty list for one of failures alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delivery_results: Vec<DeliveryResult>,
}

impl PushChallengeResponse {
    /// The answer about a challenge that was issued.
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

/// Result of the notification to one authenticator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryResult {
    /// The authenticator.
    pub user_authenticator_id: String,
    /// Why it failed, where it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
}

/// `POST /client/verify/push` and `POST /client/cancel/push`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerifyRequest {
    /// The challenge.
    pub challenge_id: String,
}

/// `POST /client/cancel/push`.
pub type CancelRequest = VerifyRequest;

/// `POST /client/leave/push`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeaveRequest {
    /// The challenge; if absent, the one that is open of the token's action when the time is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub challenge_id: Option<String>,
}

impl LeaveRequest {
    /// Checks the challenge's name, if there is one.
    ///
    /// # Errors
    /// [`InvalidField`].
    pub fn into_core(self) -> Result<Option<ChallengeId>, InvalidField> {
        let id = self.challenge_id.map(|challenge_id| VerifyRequest { challenge_id }.into_core());
        id.transpose()
    }
}

impl VerifyRequest {
    /// Checks the challenge's name.
    ///
    /// # Errors
    /// [`InvalidField`].
    pub fn into_core(self) -> Result<ChallengeId, InvalidField> {
        ChallengeId::parse(&self.challenge_id).map_err(|e| InvalidField::id("challengeId", &e))
    }
}

/// Answer to a verify request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerifyResponse {
    /// True if the person approved.
    pub is_verified: bool,
    /// True if the challenge was answered or taken back; an expired one was not.
    pub is_consumed: bool,
    /// The token that the approval earns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token: Option<Secret>,
    /// The outcome; absent while the challenge is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// End of its life, in Unix seconds.
    pub expires_at: u64,
}

impl VerifyResponse {
    /// Tells whether an outcome earns a token.
    #[must_use]
    pub const fn earns_token(outcome: outcome::Outcome) -> bool {
        matches!(outcome, outcome::Outcome::Approved)
    }

    /// The answer about a challenge. Only an approval that earned a token counts as verified: one
    /// that was overridden since earns none.
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

/// Answer to a [`CancelRequest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelResponse {
    /// The outcome, which may be an earlier one.
    pub outcome: Outcome,
}

/// Answer to a [`LeaveRequest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaveResponse {
    /// The challenge's outcome. None while it is open: then it is cancelled soon, unless a poll
    /// waits for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
}

/// `POST /client/challenge`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GenericChallengeRequest {
    /// The action; the token's if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// The instance of the action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

impl GenericChallengeRequest {
    /// Checks every field.
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

/// Answer to [`GenericChallengeRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GenericChallengeResponse {
    /// A name for later requests.
    pub challenge_id: String,
    /// The challenge that an attestation has to contain.
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
