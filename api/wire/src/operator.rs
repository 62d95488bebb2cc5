//! What operators are told of an account, on their own listener.

use countersign_core::challenge::Challenge;
use countersign_core::device::Device;
use countersign_core::time::UnixMillis;
use serde::{Deserialize, Serialize};

use crate::time::Iso8601;

/// An account.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OperatorAccount {
    /// The relying party's space.
    pub tenant_id: String,
    /// The user's name in it.
    pub user_id: String,
    /// How often the account was changed.
    pub revision: u64,
    /// When it was first seen.
    pub created_at: String,
    /// What keeps the user from being asked.
    pub counters: OperatorCounters,
    /// Its devices, oldest first.
    pub devices: Vec<OperatorDevice>,
    /// Its challenges that have not ended.
    pub open_challenges: Vec<OperatorChallenge>,
}

/// What keeps a user from being asked, and for how long.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OperatorCounters {
    /// Challenges since the last approval, as far back as the window reaches.
    pub prompts: usize,
    /// Denials and reports since the last approval.
    pub denials: u32,
    /// When the last report arrived.
    pub reported_at: Option<String>,
    /// Numbers typed since the last approval.
    pub numbers: u32,
    /// Milliseconds until the user may be asked again.
    pub prompt_wait_ms: u64,
    /// Milliseconds until a number is compared again.
    pub number_wait_ms: u64,
}

/// A device.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OperatorDevice {
    /// Its name for commands.
    pub user_authenticator_id: String,
    /// What the person calls it.
    pub name: Option<String>,
    /// How it signs.
    pub algorithm: String,
    /// When its key was first bound.
    pub created_at: String,
    /// When it last signed something that was accepted.
    pub last_verified_at: Option<String>,
}

/// An open challenge.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OperatorChallenge {
    /// Its name.
    pub challenge_id: String,
    /// What it is for.
    pub action_code: String,
    /// When it ends.
    pub expires_at: String,
}

/// What came of a command.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OperatorDone {
    /// What was done, for people.
    pub done: String,
}

fn iso(at: UnixMillis) -> String {
    Iso8601(at).to_string()
}

impl From<&Device> for OperatorDevice {
    fn from(device: &Device) -> Self {
        Self {
            user_authenticator_id: device.id.as_str().to_owned(),
            name: device.name.as_ref().map(|name| name.as_str().to_owned()),
            algorithm: device.key.algorithm().name().to_owned(),
            created_at: iso(device.created_at),
            last_verified_at: device.last_verified_at.map(iso),
        }
    }
}

impl From<&Challenge> for OperatorChallenge {
    fn from(challenge: &Challenge) -> Self {
        Self {
            challenge_id: challenge.id.as_str().to_owned(),
            action_code: challenge.action.code.as_str().to_owned(),
            expires_at: iso(challenge.expires_at),
        }
    }
}
