//! Bodies for operators about an account, on their own listener.

use countersign_core::challenge::Challenge;
use countersign_core::device::Device;
use countersign_core::time::UnixMillis;
use serde::{Deserialize, Serialize};

use crate::field::text;
use crate::time::Iso8601;

/// An account.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OperatorAccount {
    /// The relying party's space.
    pub tenant_id: String,
    /// The user's name in it.
    pub user_id: String,
    /// Number of changes to the account.
    pub revision: u64,
    /// Time at which the account was first seen.
    pub created_at: String,
    /// Counters that can hold the user back.
    pub counters: OperatorCounters,
    /// Its devices, oldest first.
    pub devices: Vec<OperatorDevice>,
    /// Its challenges that have not ended.
    pub open_challenges: Vec<OperatorChallenge>,
}

/// Reasons not to ask a user, with their lengths.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OperatorCounters {
    /// Prompts since the last approval, within the window (`prompts_window_seconds`). A challenge
    /// does not count if its webhook call failed before any phone was offered it.
    pub prompts: usize,
    /// Denials and reports since the last approval.
    pub denials: u32,
    /// Time of the last report.
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
    /// The person's name for the device.
    pub name: Option<String>,
    /// The signature algorithm.
    pub algorithm: String,
    /// Time at which the key was first bound.
    pub created_at: String,
    /// Time of the last accepted signature.
    pub last_verified_at: Option<String>,
}

/// An open challenge.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OperatorChallenge {
    /// Its name.
    pub challenge_id: String,
    /// Code of the action.
    pub action_code: String,
    /// End of the challenge's life.
    pub expires_at: String,
}

/// Result of a command.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OperatorDone {
    /// The act, for people.
    pub done: String,
}

fn iso(at: UnixMillis) -> String {
    Iso8601(at).to_string()
}

impl From<&Device> for OperatorDevice {
    fn from(device: &Device) -> Self {
        Self {
            user_authenticator_id: device.id.as_str().to_owned(),
            name: text(device.name.as_ref()),
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
