//! Parts of lifecycles, as [`crate::store::record::case`] encodes them.

use countersign_core::action::Action;
use countersign_core::challenge::Challenge;
use countersign_core::id::AccountKey;

use super::trouble::Trouble;
use crate::store::record::case::{self, Case};

/// Decodes the parts of one lifecycle.
pub(super) fn read(
    owner: &AccountKey,
    parts: &[u8],
) -> Result<(Option<Action>, Vec<Challenge>), Trouble> {
    match Case::from_parts(owner, parts) {
        Ok(Case { action, challenges }) => Ok((Some(action), challenges)),
        Err(error) => match case::challenge_from(owner, None, parts) {
            Ok(challenge) => Ok((None, vec![challenge])),
            Err(_) => Err(error.into()),
        },
    }
}

/// Encodes an action as a part that goes with the parts of these ended challenges.
pub(super) fn action_with(action: &Action, _ended: &[&Challenge]) -> Vec<u8> {
    case::action_part(action)
}

/// Decodes the part of an open challenge.
pub(super) fn challenge(owner: &AccountKey, part: &[u8]) -> Result<Challenge, Trouble> {
    Ok(case::challenge_from(owner, None, part)?)
}
