//! Reasons for a failed call of Redis, and their messages.

use crate::ports::store::StoreError;
use crate::store::refused;

/// Reason for which a call of Redis failed.
#[derive(Clone, Debug)]
pub(super) enum Trouble {
    /// Redis cannot be reached, is too slow or is not ready. Whether it has done the call is
    /// unknown.
    Lost(String),
    /// Redis refused the call, and has done nothing.
    Refused(String),
    /// Redis has lost records that it had acknowledged.
    Rolled,
    /// Another server owns the store.
    Fenced,
    /// A stored row cannot be read.
    Unreadable(String),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(message) => Self::Refused(message),
            StoreError::Busy(_) | StoreError::Closed => Self::Refused(error.to_string()),
            StoreError::Unreadable(message) => Self::Unreadable(message),
        }
    }
}

impl From<Trouble> for StoreError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Lost(why) => refused(&format!("Redis does not answer: {why}")),
            Trouble::Refused(why) => refused(&why),
            Trouble::Rolled => refused(ROLLED),
            Trouble::Fenced => refused(FENCED),
            Trouble::Unreadable(why) => Self::Unreadable(why),
        }
    }
}

/// Message while Redis lacks records that it had acknowledged.
pub(super) const ROLLED: &str = "Redis has lost records that it had acknowledged";
/// Message after another server has taken ownership.
pub(super) const FENCED: &str = "another server has taken over this Redis; restart to use it again";
