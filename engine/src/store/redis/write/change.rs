//! Encoding of a change as a unit.

use countersign_core::change::Change;

/// Records a change.
pub(in crate::store::redis) struct Commit {
    pub(in crate::store::redis) change: Change,
}
