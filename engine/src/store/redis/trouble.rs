//! Reasons for a missing answer of Redis, and their messages.

use crate::ports::store::StoreError;
use crate::store::refused;

/// Why there is no answer.
#[derive(Clone, Debug)]
pub(super) enum Trouble {
    /// Redis is out of reach, too slow, or not ready to work. The call may have been carried out or
    /// not.
    Lost(String),
    /// Redis refused; nothing was done.
    Refused(String),
    /// Redis holds less than it has acknowledged.
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

/// Message while Redis is behind its acknowledgements.
pub(super) const ROLLED: &str = "Redis has lost records that it had acknowledged";
/// Message after another server has taken the store.
pub(super) const FENCED: &str = "another server has taken over this Redis; restart to use it again";
