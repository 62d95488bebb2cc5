//! Parts of lifecycles, as [`crate::store::record::case`] encodes them.

use countersign_core::action::Action;
use countersign_core::challenge::Challenge;
use countersign_core::id::AccountKey;

use super::trouble::Trouble;
use crate::store::record::case;

/// Decodes the parts of one lifecycle.
pub(super) fn read(
    owner: &AccountKey,
    parts: &[u8],
) -> Result<(Option<Action>, Vec<Challenge>), Trouble> {
    Ok(case::read(owner, parts)?)
}

/// Decodes the part of an open challenge.
pub(super) fn challenge(owner: &AccountKey, part: &[u8]) -> Result<Challenge, Trouble> {
    Ok(case::challenge_from(owner, None, part)?)
}
