//! One poll for several challenges.

use serde::{Deserialize, Serialize};

use super::VerifyResponse;
use crate::InvalidField;
use crate::secret::Secret;

/// `POST /client/wait/push`: one poll for several challenges, of whichever users and tenants.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WaitRequest {
    /// The challenges to wait for, 1 to [`WAITS_PER_POLL_MAX`].
    pub waits: Vec<Wait>,
}

/// Challenges that one poll may wait for, at most.
pub const WAITS_PER_POLL_MAX: usize = 8;

/// A challenge that a poll waits for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Wait {
    /// A token of the challenge's action.
    pub token: Secret,
    /// The challenge.
    pub challenge_id: String,
}

impl WaitRequest {
    /// Checks that it waits for something, and for not too much.
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

/// Answer to a [`WaitRequest`]: those that have ended or are refused. Empty if none has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitResponse {
    /// One for each of them.
    pub answers: Vec<WaitAnswer>,
}

/// Outcome of one of the challenges, or the reason why the poll cannot wait for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WaitAnswer {
    /// The challenge.
    pub challenge_id: String,
    /// The outcome.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub ended: Option<VerifyResponse>,
    /// Why it is refused: the code that a poll for it alone would be refused with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// The same, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_description: Option<String>,
    /// The stable name of the cause: a row of [`crate::reason::Reason`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
