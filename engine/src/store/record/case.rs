//! Packed form of a lifecycle: an action with its challenges, as parts that can be concatenated.
//!
//! A case is `part*`: the action's part and a part for each challenge, in any order. A later part
//! replaces an earlier part of the same action or challenge, so that a store can update a case by
//! appending to it. Every part is protected by a CRC-32C over its owner and its bytes. The owner is
//! not in the bytes.

use countersign_core::action::Action;
use countersign_core::challenge::Challenge;
use countersign_core::id::AccountKey;

use super::{Stored, unreadable};
use crate::ports::store::StoreError;

const ACTION: u8 = 1;
const CHALLENGE: u8 = 2;

/// An action with its challenges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) struct Case {
    pub(in crate::store) action: Action,
    /// In the order of their first parts.
    pub(in crate::store) challenges: Vec<Challenge>,
}

impl Case {
    /// Encodes the case. The result can be smaller than its parts would be if each was encoded
    /// alone.
    pub(in crate::store) fn to_parts(&self) -> Vec<u8> {
        let mut parts = action_part(&self.action);
        for challenge in &self.challenges {
            parts.extend(challenge_part(challenge, Some(&self.action)));
        }
        parts
    }

    /// Decodes parts that [`Self::to_parts`], [`action_part`] and [`challenge_part`] made.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] for damaged parts, parts of another owner or of another action,
    /// an unknown format, and parts without an action.
    pub(in crate::store) fn from_parts(
        owner: &AccountKey,
        parts: &[u8],
    ) -> Result<Self, StoreError> {
        let mut action = None;
        let mut challenges: Vec<Challenge> = Vec::new();
        for part in split(parts) {
            let (kind, row) = part?;
            if kind == ACTION {
                action = Some(owned(owner, Action::from_row(row)?)?);
                continue;
            }
            let challenge = challenge_of(owner, row)?;
            match challenges.iter_mut().find(|known| known.id == challenge.id) {
                Some(known) => *known = challenge,
                None => challenges.push(challenge),
            }
        }
        let action = action.ok_or_else(|| unreadable("case", "it has no action"))?;
        Ok(Self { action, challenges })
    }
}

/// Encodes an action as a part that can be read without any other part.
pub(in crate::store) fn action_part(action: &Action) -> Vec<u8> {
    part(ACTION, &action.to_row())
}

/// Encodes a challenge, open or ended, as a part. With its action the part is smaller, and it can
/// be read only with the part of that action, in any state.
pub(in crate::store) fn challenge_part(challenge: &Challenge, _action: Option<&Action>) -> Vec<u8> {
    part(CHALLENGE, &challenge.to_row())
}

/// Decodes one part that [`action_part`] made.
///
/// # Errors
/// The errors of [`Case::from_parts`].
pub(in crate::store) fn action_from(owner: &AccountKey, part: &[u8]) -> Result<Action, StoreError> {
    match only(part)? {
        (ACTION, row) => owned(owner, Action::from_row(row)?),
        _ => Err(unreadable("case", "it is not an action")),
    }
}

/// Decodes one part that [`challenge_part`] made, with the action that it was made with.
///
/// # Errors
/// The errors of [`Case::from_parts`], also if the part was made with an action and none is given.
pub(in crate::store) fn challenge_from(
    owner: &AccountKey,
    _action: Option<&Action>,
    part: &[u8],
) -> Result<Challenge, StoreError> {
    match only(part)? {
        (CHALLENGE, row) => challenge_of(owner, row),
        _ => Err(unreadable("case", "it is not a challenge")),
    }
}

fn part(kind: u8, row: &[u8]) -> Vec<u8> {
    let length = u32::try_from(row.len()).expect("rows are far smaller");
    [&[kind][..], &length.to_be_bytes(), row].concat()
}

fn split(parts: &[u8]) -> impl Iterator<Item = Result<(u8, &[u8]), StoreError>> {
    let mut rest = parts;
    std::iter::from_fn(move || {
        let (kind, behind) = rest.split_first()?;
        let next = behind.split_first_chunk().and_then(|(length, behind)| {
            behind.split_at_checked(u32::from_be_bytes(*length) as usize)
        });
        let (row, behind) = next.unwrap_or_default();
        rest = behind;
        let is_whole = next.is_some() && matches!(*kind, ACTION | CHALLENGE);
        Some(is_whole.then_some((*kind, row)).ok_or_else(|| unreadable("case", "it is cut off")))
    })
}

fn only(part: &[u8]) -> Result<(u8, &[u8]), StoreError> {
    let mut parts = split(part);
    let (first, second) = (parts.next(), parts.next());
    first.filter(|_| second.is_none()).unwrap_or_else(|| Err(unreadable("case", "it is not one")))
}

fn owned(owner: &AccountKey, action: Action) -> Result<Action, StoreError> {
    let is_owned = action.account == *owner;
    is_owned.then_some(action).ok_or_else(|| unreadable("case", "it belongs to another account"))
}

fn challenge_of(owner: &AccountKey, row: &[u8]) -> Result<Challenge, StoreError> {
    let challenge = Challenge::from_row(row)?;
    let is_owned = challenge.account == *owner;
    is_owned.then_some(challenge).ok_or_else(|| unreadable("case", "it belongs to another account"))
}
