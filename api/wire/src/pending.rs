//! The challenges that a device reads.

use countersign_core::device::Device;
use countersign_core::id::AuthenticatorId;
use countersign_core::inbox::Offer;
use countersign_core::nonce::Nonce;
use serde::{Deserialize, Serialize};

use crate::custom::{Object, public_custom};
use crate::field::text;
use crate::secret::Secret;

/// Answer to `GET /client/user-authenticators/push/challenge`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PendingResponse {
    /// The first challenge once more: the official SDKs read the fields of one.
    #[serde(flatten)]
    pub first: First,
    /// All that is pending, newest first.
    #[serde(default)]
    pub challenges: Vec<PendingChallenge>,
}

/// The fields of [`PendingResponse`] beside the list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum First {
    /// Something is pending.
    Pending(Box<PendingChallenge>),
    /// Nothing is pending.
    #[serde(rename_all = "camelCase")]
    Nothing {
        /// The newest binding.
        user_authenticator_id: String,
        /// Null.
        #[serde(default)]
        number_match: (),
        /// Absent. An answer that names a challenge and lacks its other fields is unreadable.
        #[serde(default, skip_serializing)]
        challenge_id: (),
    },
}

/// One challenge of several that a device may answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PendingChallenge {
    /// The binding that may answer.
    pub user_authenticator_id: String,
    /// The challenge. With [`Self::user_id`], it says that something is pending.
    pub challenge_id: String,
    /// The user.
    pub user_id: String,
    /// The action to decide.
    pub action_code: String,
    /// The instance of the action.
    pub idempotency_key: String,
    /// The browser's name for itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// The relying party's name for the browser.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
    /// Address of the browser.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<String>,
    /// End of the challenge's life, in Unix seconds.
    pub expires_at: u64,
    /// The number that has to be typed to approve; null where none has to be.
    pub number_match: Option<NumberMatch>,
    /// The challenge's own nonce; only for reads by the key's holder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<Secret>,
    /// The text to show and to hash, exactly as it is here; only for reads by the key's holder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display: Option<String>,
    /// The action's custom data that the tenant lets a device see; only for reads by the key's
    /// holder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom: Option<Object>,
    /// The user's own data; only for reads by the key's holder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<PendingUser>,
}

/// The number to ask the person for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberMatch {
    /// Number of digits.
    pub digits: usize,
}

/// A device's view of the user.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PendingUser {
    /// The user's custom data that the tenant lets a device see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom: Option<Object>,
}

/// The view of the key's holder.
#[derive(Clone, Copy, Debug)]
pub struct Private<'a> {
    /// The members of custom data that a device may see.
    pub public: &'a [String],
    /// The challenge's nonce and display text; absent from challenges that were recorded before
    /// there were statements.
    pub shown: Option<(&'a Nonce, &'a str)>,
}

impl PendingResponse {
    /// Makes the answer from the pending challenges, newest first; `newest` is the binding to name
    /// if there are none.
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

    /// The challenge that an official SDK sees.
    #[must_use]
    pub fn into_first(self) -> Option<Box<PendingChallenge>> {
        match self.first {
            First::Pending(challenge) => Some(challenge),
            First::Nothing { .. } => None,
        }
    }
}

impl PendingChallenge {
    /// A challenge that `binding` may answer. `private` is absent for a read that did not show that
    /// its caller holds the key.
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
