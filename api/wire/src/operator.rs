//! Response bodies of the operators' listener about an account.

use countersign_core::challenge::Challenge;
use countersign_core::device::Device;
use countersign_core::time::UnixMillis;
use serde::{Deserialize, Serialize};

use crate::field::text;
use crate::time::Iso8601;

/// An account, as an operator sees it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OperatorAccount {
    /// Id of the tenant: the relying party's namespace for users.
    pub tenant_id: String,
    /// Id of the user within the tenant.
    pub user_id: String,
    /// Number of changes to the account so far.
    pub revision: u64,
    /// Time at which the server first stored the account.
    pub created_at: String,
    /// Counters that can make the server refuse the user's challenges or numbers.
    pub counters: OperatorCounters,
    /// The account's devices, oldest first.
    pub devices: Vec<OperatorDevice>,
    /// The account's challenges that have not ended.
    pub open_challenges: Vec<OperatorChallenge>,
}

/// An account's rate-limit counters, and the remaining waits that they cause.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OperatorCounters {
    /// Challenges since the last approval, within the window (`prompts_window_seconds`). A
    /// challenge does not count if its webhook call failed before the server showed it to any
    /// phone.
    pub prompts: usize,
    /// Denials and reports by the user since the last approval.
    pub denials: u32,
    /// Time at which the user last reported a challenge.
    pub reported_at: Option<String>,
    /// Numbers that the user typed since the last approval.
    pub numbers: u32,
    /// Milliseconds until the server accepts a new challenge for the user.
    pub prompt_wait_ms: u64,
    /// Milliseconds until the server accepts a typed number from the user.
    pub number_wait_ms: u64,
}

/// A device of the account.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OperatorDevice {
    /// Id of the device, for operators' commands.
    pub user_authenticator_id: String,
    /// The name that the person gave to the device.
    pub name: Option<String>,
    /// The signature algorithm.
    pub algorithm: String,
    /// Time at which the key was first enrolled for the account.
    pub created_at: String,
    /// Time at which the server last accepted a signature by the device.
    pub last_verified_at: Option<String>,
}

/// An open challenge of the account.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OperatorChallenge {
    /// Id of the challenge.
    pub challenge_id: String,
    /// Code of the action.
    pub action_code: String,
    /// Time at which the challenge expires.
    pub expires_at: String,
}

/// Result of an operator's command.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OperatorDone {
    /// Description of the completed action, for people.
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
