//! Response bodies for a device that reads its pending challenges.

use countersign_core::device::Device;
use countersign_core::id::AuthenticatorId;
use countersign_core::inbox::Offer;
use countersign_core::nonce::Nonce;
use serde::{Deserialize, Serialize};

use crate::custom::{Object, public_custom};
use crate::field::text;
use crate::secret::Secret;

/// Response to `GET /client/user-authenticators/push/challenge`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PendingResponse {
    /// The first pending challenge. Its fields are repeated here, because the official SDKs read
    /// only one challenge.
    #[serde(flatten)]
    pub first: First,
    /// All pending challenges, newest first.
    #[serde(default)]
    pub challenges: Vec<PendingChallenge>,
}

/// Fields of [`PendingResponse`] beside the list of challenges.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum First {
    /// At least one challenge is pending. This is the newest.
    Pending(Box<PendingChallenge>),
    /// No challenge is pending.
    #[serde(rename_all = "camelCase")]
    Nothing {
        /// Id of the key's newest binding.
        user_authenticator_id: String,
        /// Always null.
        #[serde(default)]
        number_match: (),
        /// Never sent. A response with a challenge's id but without its other fields would not
        /// parse.
        #[serde(default, skip_serializing)]
        challenge_id: (),
    },
}

/// A challenge that the device may answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PendingChallenge {
    /// Id of the binding that may answer.
    pub user_authenticator_id: String,
    /// Id of the challenge. If this and [`Self::user_id`] are present, the SDKs know that a
    /// challenge is pending.
    pub challenge_id: String,
    /// Id of the user.
    pub user_id: String,
    /// Code of the action to approve or deny.
    pub action_code: String,
    /// Idempotency key of the action.
    pub idempotency_key: String,
    /// The browser's user agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// The relying party's id for the browser.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
    /// IP address of the browser.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<String>,
    /// Time at which the challenge expires, in Unix seconds.
    pub expires_at: u64,
    /// Properties of the number that the person has to type for an approval. Null if no number is
    /// required.
    pub number_match: Option<NumberMatch>,
    /// The challenge's nonce. Present only if the reader has proved that it holds the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<Secret>,
    /// The text that the device has to show and to hash, byte for byte as it is here. Present only
    /// if the reader has proved that it holds the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display: Option<String>,
    /// The public members of the action's custom data. Present only if the reader has proved that
    /// it holds the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom: Option<Object>,
    /// The user's own data. Present only if the reader has proved that it holds the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<PendingUser>,
}

/// Properties of the number that the device asks the person for. The number itself is not among
/// them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberMatch {
    /// Number of digits.
    pub digits: usize,
}

/// Data about the user for a device.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PendingUser {
    /// The public members of the user's custom data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom: Option<Object>,
}

/// Data that only a reader with a proof of the key may see.
#[derive(Clone, Copy, Debug)]
pub struct Private<'a> {
    /// Names of the public members: those of custom data that a device may see.
    pub public: &'a [String],
    /// The challenge's nonce and display text. None for a challenge that was stored before the
    /// server supported statements.
    pub shown: Option<(&'a Nonce, &'a str)>,
}

impl PendingResponse {
    /// Makes the response from the pending challenges, newest first. If there are none, the
    /// response names the binding `newest`.
    #[must_use]
    pub fn new(newest: &AuthenticatorId, challenges: Vec<PendingChallenge>) -> Self {
        let nothing = || First::Nothing {
            user_authenticator_id: newest.as_str().to_owned(),
            number_match: (),
            challenge_id: (),
        };
        let first = challenges.first().cloned().map(Box::new);
        Self { first: first.map_or_else(nothing, First::Pending), challenges }
    }

    /// Returns the challenge that an official SDK reads.
    #[must_use]
    pub fn into_first(self) -> Option<Box<PendingChallenge>> {
        match self.first {
            First::Pending(challenge) => Some(challenge),
            First::Nothing { .. } => None,
        }
    }
}

impl PendingChallenge {
    /// Makes the entry of a challenge that `binding` may answer. `private` is None for a reader
    /// that has not proved that it holds the key.
    #[must_use]
    pub fn new(binding: &Device, offer: &Offer, private: Option<Private<'_>>) -> Self {
        let custom = |json: Option<&str>| {
            private.map(|p| json.map(|j| public_custom(j, p.public)).unwrap_or_default())
        };
        let shown = private.and_then(|p| p.shown);
        let context = &offer.action.context;
        Self {
            user_authenticator_id: binding.id.as_str().to_owned(),
            challenge_id: offer.challenge.id.as_str().to_owned(),
            user_id: binding.account.user.as_str().to_owned(),
            action_code: offer.action.key.code.as_str().to_owned(),
            idempotency_key: offer.action.key.idempotency_key.as_str().to_owned(),
            user_agent: text(context.user_agent.as_ref()),
            device_id: text(context.device_id.as_ref()),
            ip_address: text(context.ip_address.as_ref()),
            expires_at: offer.challenge.expires_at.seconds(),
            number_match: (offer.challenge.number.as_ref())
                .map(|asked| NumberMatch { digits: asked.number.digits() }),
            nonce: shown.map(|(nonce, _)| Secret::new(nonce.encoded())),
            display: shown.map(|(_, text)| text.to_owned()),
            custom: custom(context.custom.as_deref()),
            user: custom(offer.user_custom.as_deref()).map(|c| PendingUser { custom: Some(c) }),
        }
    }
}
