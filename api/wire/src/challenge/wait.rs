//! Bodies of a poll that waits for several challenges.

use serde::{Deserialize, Serialize};

use super::VerifyResponse;
use crate::InvalidField;
use crate::secret::Secret;

/// Body of `POST /client/wait/push`: one poll for several challenges. They may belong to different
/// users and tenants.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WaitRequest {
    /// The challenges to wait for: 1 to [`WAITS_PER_POLL_MAX`].
    pub waits: Vec<Wait>,
}

/// Maximum number of challenges for which one poll may wait.
pub const WAITS_PER_POLL_MAX: usize = 8;

/// A challenge that a poll waits for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Wait {
    /// A token of the challenge's action, which authorizes the wait.
    pub token: Secret,
    /// Id of the challenge.
    pub challenge_id: String,
}

impl WaitRequest {
    /// Checks that the poll names at least one challenge, and at most [`WAITS_PER_POLL_MAX`].
    ///
    /// # Errors
    /// [`InvalidField`].
    pub fn into_core(self) -> Result<Vec<Wait>, InvalidField> {
        if (1..=WAITS_PER_POLL_MAX).contains(&self.waits.len()) {
            return Ok(self.waits);
        }
        Err(InvalidField::new("waits", format!("must have 1 to {WAITS_PER_POLL_MAX} entries")))
    }
}

/// Response to a [`WaitRequest`]. It lists the challenges that have ended and those for which the
/// server refuses to wait. It is empty if every challenge is still open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitResponse {
    /// One entry for each challenge that has ended or was refused.
    pub answers: Vec<WaitAnswer>,
}

/// Outcome of one challenge, or the reason why the server refuses to wait for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WaitAnswer {
    /// Id of the challenge.
    pub challenge_id: String,
    /// Outcome of the challenge. Absent if the wait was refused.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub ended: Option<VerifyResponse>,
    /// Code of the refusal: the same code that a poll for this challenge alone would get.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// Description of the refusal for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_description: Option<String>,
    /// Stable name of the refusal's cause: a row of [`crate::reason::Reason`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
