//! What a device sends and gets, besides the challenge that it reads (see [`crate::pending`]).

use countersign_core::account::{Enroll, Refresh};
use countersign_core::challenge;
use countersign_core::decision::{Decision, SignedDecision};
use countersign_core::device::{Device, PushToken};
use countersign_core::id::ChallengeId;
use countersign_core::number_match::TypedNumber;
use countersign_core::policy::{DEVICE_NAME_BYTES_MAX, PUSH_TOKEN_BYTES_MAX};
use serde::{Deserialize, Serialize};

use crate::InvalidField;
use crate::field;
use crate::names::{DevicePlatform, Outcome};
use crate::publickey::{PresentedKey, decode_signature};
use crate::secret::Secret;
use crate::time::Iso8601;

/// `POST /client/user-authenticators/push`. `performAttestation` is ignored.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EnrollRequest {
    /// The key, in the form of bodies.
    pub public_key: String,
    /// What the person calls the device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_name: Option<String>,
    /// Where the app runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_platform: Option<DevicePlatform>,
    /// The notification provider's token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub push_token: Option<Secret>,
    /// `es256` or `ed25519`; the key tells where it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<String>,
}

impl EnrollRequest {
    /// Checks every field. `may_add` says whether the token of the request allows a further
    /// authenticator.
    ///
    /// # Errors
    /// [`InvalidField`].
    pub fn into_core(self, may_add: bool) -> Result<Enroll, InvalidField> {
        let presented = PresentedKey::from_body(&self.public_key)?;
        if self.algorithm.is_some_and(|name| name != presented.algorithm().name()) {
            return Err(InvalidField::new("algorithm", "must be the algorithm of publicKey"));
        }
        let key = presented.parse().map_err(|e| InvalidField::new("publicKey", e.to_string()))?;
        Ok(Enroll {
            key,
            // A person or the platform wrote it, and the app cannot correct it.
            name: field::cleaned(self.device_name.as_deref(), DEVICE_NAME_BYTES_MAX),
            platform: self.device_platform.map(Into::into),
            push_token: push_token(self.push_token.as_ref())?,
            may_add,
        })
    }
}

/// Answer to an enrollment, and to `GET /client/user-authenticators/push`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are described in the wire contract under these names")]
pub struct CredentialResponse {
    pub user_authenticator_id: String,
    pub user_id: String,
    pub verified_at: Iso8601,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_verified_at: Option<Iso8601>,
}

impl From<&Device> for CredentialResponse {
    fn from(device: &Device) -> Self {
        Self {
            user_authenticator_id: device.id.as_str().to_owned(),
            user_id: device.account.user.as_str().to_owned(),
            verified_at: device.verified_at.into(),
            last_verified_at: device.last_verified_at.map(Iso8601::from),
        }
    }
}

/// Answer to `POST /client/user-authenticators/push/challenge/sign`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NonceResponse {
    /// The text to sign.
    pub message: Secret,
}

/// Answer to `POST /client/user-authenticators/push/sign`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateNonceResponse {
    /// The nonce's handle; no challenge has this name.
    pub challenge_id: String,
    /// The text to sign.
    pub message: Secret,
}

/// `POST /client/user-authenticators/push/challenge`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AnswerRequest {
    /// The key, in the form of bodies.
    pub public_key: String,
    /// The challenge.
    pub challenge_id: String,
    /// Over the challenge's name.
    pub signature: Secret,
    /// Whether the person approves.
    pub approved: bool,
    /// The number that the person typed. Android sends `null` where there is none; iOS omits it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification_code: Option<Secret>,
}

/// An [`AnswerRequest`] whose fields are checked.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The key that is said to have signed.
    pub key: PresentedKey,
    /// The decision; nothing about it is known to be true.
    pub signed: SignedDecision,
}

impl AnswerRequest {
    /// Checks every field.
    ///
    /// # Errors
    /// [`InvalidField`].
    pub fn into_core(self) -> Result<Answer, InvalidField> {
        let challenge = ChallengeId::parse(&self.challenge_id);
        let decision = if self.approved { Decision::Approve } else { Decision::Deny };
        let code = self.verification_code.filter(|c| !c.reveal().is_empty());
        let number = code.map(|c| TypedNumber::parse(c.reveal())).transpose();
        let number = number.map_err(|e| InvalidField::new("verificationCode", e.to_string()))?;
        Ok(Answer {
            key: PresentedKey::from_body(&self.public_key)?,
            signed: SignedDecision {
                challenge: challenge.map_err(|e| InvalidField::id("challengeId", &e))?,
                decision,
                number,
                signature: decode_signature(self.signature.reveal())?,
            },
        })
    }
}

/// Answer to [`AnswerRequest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AnswerResponse {
    /// Whether the challenge is approved.
    pub is_verified: bool,
    /// How the challenge ended.
    pub outcome: Outcome,
}

impl From<challenge::Outcome> for AnswerResponse {
    fn from(outcome: challenge::Outcome) -> Self {
        Self { is_verified: outcome == challenge::Outcome::Approved, outcome: outcome.into() }
    }
}

/// `PATCH /client/user-authenticators/push`. `resetExpiry` is ignored: credentials do not expire.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateRequest {
    /// The nonce's handle.
    pub challenge_id: String,
    /// The key, in the form of bodies.
    pub public_key: String,
    /// Over the nonce.
    pub signature: Secret,
    /// The notification provider's new token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub push_token: Option<Secret>,
}

/// An [`UpdateRequest`] whose fields are checked.
#[derive(Clone, Debug)]
pub struct Update {
    /// The key that is said to have signed.
    pub key: PresentedKey,
    /// The nonce's handle.
    pub handle: String,
    /// Over the nonce.
    pub signature: Vec<u8>,
    /// What to record once the signature is verified.
    pub refresh: Refresh,
}

impl UpdateRequest {
    /// Checks every field.
    ///
    /// # Errors
    /// [`InvalidField`].
    pub fn into_core(self) -> Result<Update, InvalidField> {
        Ok(Update {
            key: PresentedKey::from_body(&self.public_key)?,
            signature: decode_signature(self.signature.reveal())?,
            refresh: Refresh { push_token: push_token(self.push_token.as_ref())? },
            handle: self.challenge_id,
        })
    }
}

/// Answer to [`UpdateRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateResponse {
    /// The binding.
    pub user_authenticator_id: String,
    /// Whose it is.
    pub user_id: String,
    /// When the key last signed something that was accepted.
    pub last_verified_at: Iso8601,
    /// The request's token once more, where it had one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub push_token: Option<Secret>,
}

impl UpdateResponse {
    /// The answer about an updated device.
    #[must_use]
    pub fn new(device: &Device, sent: Option<&PushToken>) -> Self {
        Self {
            user_authenticator_id: device.id.as_str().to_owned(),
            user_id: device.account.user.as_str().to_owned(),
            last_verified_at: device.last_verified_at.unwrap_or(device.verified_at).into(),
            push_token: sent.map(|t| Secret::new(t.reveal())),
        }
    }
}

/// `POST /client/user-authenticators/push/remove`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemoveRequest {
    /// The key, in the form of bodies.
    pub public_key: String,
    /// Over the number of the time window.
    pub signature: Secret,
}

impl RemoveRequest {
    /// Checks every field: the key, and the signature that is said to be its own.
    ///
    /// # Errors
    /// [`InvalidField`].
    pub fn into_core(self) -> Result<(PresentedKey, Vec<u8>), InvalidField> {
        let key = PresentedKey::from_body(&self.public_key)?;
        Ok((key, decode_signature(self.signature.reveal())?))
    }
}

/// Answer to [`RemoveRequest`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemoveResponse {
    /// The newest binding that was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removed_authenticator_id: Option<String>,
}

fn push_token(token: Option<&Secret>) -> Result<Option<PushToken>, InvalidField> {
    let Some(token) = token.map(Secret::reveal).filter(|t| !t.is_empty()) else { return Ok(None) };
    if token.len() > PUSH_TOKEN_BYTES_MAX {
        let rule = format!("longer than {PUSH_TOKEN_BYTES_MAX} bytes");
        return Err(InvalidField::new("pushToken", rule));
    }
    Ok(Some(PushToken::new(token)))
}
