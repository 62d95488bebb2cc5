//! The challenge that a device reads.

use countersign_core::device::Device;
use countersign_core::id::AuthenticatorId;
use countersign_core::inbox::Offer;
use countersign_core::text::Line;
use serde::{Deserialize, Serialize};

use crate::custom::{Object, public_custom};

/// Answer to `GET /client/user-authenticators/push/challenge`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PendingResponse {
    /// The binding that may answer, or the newest one: it is there even when nothing is pending.
    pub user_authenticator_id: String,
    /// The challenge. With [`Self::user_id`], it says that something is pending.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub challenge_id: Option<String>,
    /// Who is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// What is to be decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action_code: Option<String>,
    /// Which instance of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// The browser's name for itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// The relying party's name for the browser.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
    /// Address of the browser.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<String>,
    /// When the challenge expires, in Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<u64>,
    /// The number that has to be typed to approve; absent where none has to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number_match: Option<NumberMatch>,
    /// What the tenant lets a device see of the action's own data; only for signed reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom: Option<Object>,
    /// The user's own data; only for signed reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<PendingUser>,
}

/// What a device is told of the number: what to ask the person for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberMatch {
    /// How many digits it has.
    pub digits: usize,
}

/// What a device sees of the user.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PendingUser {
    /// What the tenant lets a device see of the user's own data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom: Option<Object>,
}

impl PendingResponse {
    /// Nothing is pending for any binding of the key.
    #[must_use]
    pub fn nothing(newest: &AuthenticatorId) -> Self {
        Self {
            user_authenticator_id: newest.as_str().to_owned(),
            challenge_id: None,
            user_id: None,
            action_code: None,
            idempotency_key: None,
            user_agent: None,
            device_id: None,
            ip_address: None,
            expires_at: None,
            number_match: None,
            custom: None,
            user: None,
        }
    }

    /// A challenge that `binding` may answer. `public` names the members of custom data that a
    /// device may see; it is absent for a read that was not signed, which sees none.
    #[must_use]
    pub fn offer(binding: &Device, offer: &Offer, public: Option<&[String]>) -> Self {
        let text = |line: Option<&Line>| line.map(|l| l.as_str().to_owned());
        let custom = |json: Option<&str>| {
            public.map(|names| json.map(|j| public_custom(j, names)).unwrap_or_default())
        };
        let context = &offer.action.context;
        Self {
            challenge_id: Some(offer.challenge.id.as_str().to_owned()),
            user_id: Some(binding.account.user.as_str().to_owned()),
            action_code: Some(offer.action.key.code.as_str().to_owned()),
            idempotency_key: Some(offer.action.key.idempotency_key.as_str().to_owned()),
            user_agent: text(context.user_agent.as_ref()),
            device_id: text(context.device_id.as_ref()),
            ip_address: text(context.ip_address.as_ref()),
            expires_at: Some(offer.challenge.expires_at.seconds()),
            number_match: (offer.challenge.number.as_ref())
                .map(|asked| NumberMatch { digits: asked.number.digits() }),
            custom: custom(context.custom.as_deref()),
            user: custom(offer.user_custom.as_deref()).map(|c| PendingUser { custom: Some(c) }),
            ..Self::nothing(&binding.id)
        }
    }
}
