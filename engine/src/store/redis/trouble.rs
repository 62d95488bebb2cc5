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
    /// The partition is in another epoch than this server knows. It has to be opened again.
    Moved,
    /// The partition lacks commits that it had acknowledged.
    Rolled,
    /// The store, or a partition of it, is not in this Redis.
    Absent,
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
            Trouble::Moved => refused("Redis has changed its process"),
            Trouble::Rolled => refused(ROLLED),
            Trouble::Absent => refused(ABSENT),
            Trouble::Fenced => refused(FENCED),
            Trouble::Unreadable(why) => Self::Unreadable(why),
        }
    }
}

/// Message while Redis lacks records that it had acknowledged.
pub(super) const ROLLED: &str = "Redis has lost records that it had acknowledged";
/// Message after another server has taken ownership.
pub(super) const FENCED: &str = "another server has taken over this Redis; restart to use it again";
/// Error message about a Redis without a store.
pub const ABSENT: &str = "there is no store in this Redis: `countersign store begin` begins one";
/// Error message about a Redis that holds a store of layout 1.
pub(super) const OLD: &str = "Redis holds a store of an older version: export it with that \
     version's `countersign store export`, and import it into an empty Redis with `store import`";
