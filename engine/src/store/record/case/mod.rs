//! Packed form of a lifecycle: an action with its challenges, as parts that can be concatenated.
//!
//! A case is a list of parts: one for the action and one for each challenge, in any order. A later
//! part replaces an earlier part of the same action or challenge, so that a store can update a case
//! by appending to it.
//!
//! A part is `tag u8 | length | body | CRC-32C u32 big-endian`. The tag has the format in its high
//! half and the kind in its low half. A length is a number in groups of seven bits, the lowest
//! first, and counts the body alone. The checksum is over the owner and the part, so that bytes at
//! another account's place are not read. The owner is not in the bytes. The checksum of a challenge
//! that was written with its action is also over all that the action never changes, because its
//! text refers to that.
//!
//! A new field is appended to a body. A reader ignores bytes behind the fields that it knows, and
//! gives missing fields a default. The format of a kind rises if an older server must not read it.

mod action;
mod challenge;
mod cursor;
#[cfg(any(test, fuzzing))]
#[cfg_attr(test, expect(unreachable_pub, reason = "the fuzz target is outside of the crate"))]
pub(super) mod properties;
mod reference;
mod signature;
mod squeeze;
#[cfg(test)]
mod tests;
mod words;

use std::borrow::Borrow;

use countersign_core::action::Action;
use countersign_core::challenge::Challenge;
use countersign_core::id::AccountKey;

use self::action::Packed;
use self::challenge::Of;
use self::cursor::{Cursor, Fault, put_number};
use self::reference::{Reference, owner_checksum};
use super::unreadable;
use crate::ports::store::StoreError;

/// Room for a usual part.
const USUAL_BYTES: usize = 320;

const FORMAT_1: u8 = 0x10;
const ACTION: u8 = FORMAT_1 | 1;
const CHALLENGE: u8 = FORMAT_1 | 2;

/// Decodes parts of one action, which [`parts`], [`action_part_with`] and [`challenge_part`] made.
/// The challenges are in the order of their first parts.
///
/// # Errors
/// [`StoreError::Unreadable`] for damaged parts, parts of another owner or of several actions, an
/// unknown format, and challenges that were written with an action that is missing.
pub(in crate::store) fn read(
    owner: &AccountKey,
    parts: &[u8],
) -> Result<(Option<Action>, Vec<Challenge>), StoreError> {
    let parts: Vec<_> = Part::split(parts).collect::<Result<_, _>>().map_err(invalid)?;
    read_all(owner, &parts).map_err(invalid)
}

fn read_all(
    owner: &AccountKey,
    parts: &[Part<'_>],
) -> Result<(Option<Action>, Vec<Challenge>), Fault> {
    let mut newest: Option<(Packed, Reference)> = None;
    for part in parts.iter().filter(|part| part.tag == ACTION) {
        let packed = part.action(owner)?;
        let reference = Reference::of(packed.undecided());
        if newest.is_some_and(|(_, known)| known.checksum != reference.checksum) {
            return Err(FOREIGN);
        }
        newest = Some((packed, reference));
    }
    let of = newest.as_ref().map(|(packed, reference)| {
        let action = packed.undecided();
        Of { action, reference }
    });
    let mut challenges: Vec<Challenge> = Vec::new();
    for part in parts.iter().filter(|part| part.tag == CHALLENGE) {
        let challenge = part.challenge(owner, of)?;
        if challenges.first().is_some_and(|first| first.action != challenge.action) {
            return Err(FOREIGN);
        }
        match challenges.iter_mut().find(|known| known.id == challenge.id) {
            Some(known) => *known = challenge,
            None => challenges.push(challenge),
        }
    }
    let action = newest.map(|(packed, _)| packed.completed(&challenges)).transpose()?;
    Ok((action, challenges))
}

/// Encodes an action and challenges of it together. The decision of a device is written once, so
/// that the part of the action can be read only with that of the challenge. Any part may be
/// appended to the result, and the result to any parts of the same action without a challenge that
/// ended at the same time.
pub(in crate::store) fn parts(
    action: Option<&Action>,
    challenges: &[impl Borrow<Challenge>],
) -> Vec<u8> {
    let mut out = Vec::with_capacity(USUAL_BYTES);
    if let Some(action) = action {
        put_action(&mut out, action, challenges);
    }
    let reference = action.filter(|_| !challenges.is_empty()).map(Reference::of);
    let of = action.zip(reference.as_ref()).map(|(action, reference)| Of { action, reference });
    challenges.iter().for_each(|challenge| put_challenge(&mut out, challenge.borrow(), of));
    out
}

/// Encodes an action as a part that goes with parts of these challenges, each made with the action.
/// The decision of a device is left out if one of the challenges has it, so that the part can be
/// read only with that challenge.
pub(in crate::store) fn action_part_with(
    action: &Action,
    challenges: &[impl Borrow<Challenge>],
) -> Vec<u8> {
    let mut out = Vec::with_capacity(USUAL_BYTES);
    put_action(&mut out, action, challenges);
    out
}

/// Encodes a challenge, open or ended, as a part. With its action the part is smaller, and it can
/// be read only with the part of that action, in any state.
pub(in crate::store) fn challenge_part(challenge: &Challenge, action: Option<&Action>) -> Vec<u8> {
    let reference = action.map(Reference::of);
    let of = action.zip(reference.as_ref()).map(|(action, reference)| Of { action, reference });
    let mut out = Vec::with_capacity(USUAL_BYTES);
    put_challenge(&mut out, challenge, of);
    out
}

/// Decodes one part that [`challenge_part`] made, with the action that it was made with.
///
/// # Errors
/// The errors of [`read`], also if the part was made with an action and none is given.
pub(in crate::store) fn challenge_from(
    owner: &AccountKey,
    action: Option<&Action>,
    part: &[u8],
) -> Result<Challenge, StoreError> {
    let reference = action.map(Reference::of);
    let of = action.zip(reference.as_ref()).map(|(action, reference)| Of { action, reference });
    if action.is_some_and(|action| action.account != *owner) {
        return Err(invalid(FOREIGN));
    }
    Part::only(part).and_then(|part| part.challenge(owner, of)).map_err(invalid)
}

fn put_action<C: Borrow<Challenge>>(out: &mut Vec<u8>, action: &Action, challenges: &[C]) {
    let seed = owner_checksum(&action.account);
    put_part(out, ACTION, seed, |body| action::put(body, action, challenges));
}

fn put_challenge(out: &mut Vec<u8>, challenge: &Challenge, of: Option<Of<'_>>) {
    let seed = of.map_or_else(|| owner_checksum(&challenge.account), |of| of.reference.checksum);
    put_part(out, CHALLENGE, seed, |body| challenge::put(body, challenge, of));
}

fn put_part(out: &mut Vec<u8>, tag: u8, seed: u32, put: impl FnOnce(&mut Vec<u8>)) {
    let mut body = Vec::with_capacity(USUAL_BYTES);
    put(&mut body);
    let start = out.len();
    out.push(tag);
    put_number(out, body.len() as u64);
    out.extend_from_slice(&body);
    let sealed = out.get(start..).unwrap_or_default();
    let checksum = crc32c::crc32c_append(seed, sealed);
    out.extend_from_slice(&checksum.to_be_bytes());
}

/// One part, whose checksum is not checked yet.
struct Part<'a> {
    tag: u8,
    /// All but the checksum.
    sealed: &'a [u8],
    body: &'a [u8],
    checksum: u32,
}

impl<'a> Part<'a> {
    fn split(parts: &'a [u8]) -> impl Iterator<Item = Result<Self, Fault>> {
        let mut rest = parts;
        std::iter::from_fn(move || {
            let part = (!rest.is_empty()).then(|| Self::first(rest))?;
            rest = part.as_ref().map_or(&[], |(_, rest)| rest);
            Some(part.map(|(part, _)| part))
        })
    }

    /// Reads a part, and returns it with the bytes behind it.
    fn first(parts: &'a [u8]) -> Result<(Self, &'a [u8]), Fault> {
        let mut bytes = Cursor::new(parts);
        let tag = bytes.byte()?;
        if ![ACTION, CHALLENGE].contains(&tag) {
            return Err(Fault("its format or kind is unknown"));
        }
        let length = bytes.number()?;
        let body = bytes.bytes(length)?;
        let sealed = bytes.since(parts);
        let checksum = u32::from_be_bytes(bytes.array()?);
        Ok((Self { tag, sealed, body, checksum }, bytes.rest()))
    }

    fn only(part: &'a [u8]) -> Result<Self, Fault> {
        match Self::first(part)? {
            (part, []) => Ok(part),
            _ => Err(Fault("it is more than one part")),
        }
    }

    fn opened(&self, seed: u32) -> Result<Cursor<'a>, Fault> {
        let is_right = crc32c::crc32c_append(seed, self.sealed) == self.checksum;
        is_right.then(|| Cursor::new(self.body)).ok_or(Fault("its checksum is wrong"))
    }

    fn action(&self, owner: &AccountKey) -> Result<Packed, Fault> {
        if self.tag != ACTION {
            return Err(Fault("it is not an action"));
        }
        action::read(owner, &mut self.opened(owner_checksum(owner))?)
    }

    /// Reads a challenge. `known` is its action, which not every part needs.
    fn challenge(&self, owner: &AccountKey, known: Option<Of<'_>>) -> Result<Challenge, Fault> {
        if self.tag != CHALLENGE {
            return Err(Fault("it is not a challenge"));
        }
        if challenge::is_with_action(self.body) {
            let of = known.ok_or(Fault("its action is missing"))?;
            return challenge::read(owner, Some(of), &mut self.opened(of.reference.checksum)?);
        }
        let mut bytes = self.opened(owner_checksum(owner))?;
        let challenge = challenge::read(owner, None, &mut bytes)?;
        let is_foreign = known.is_some_and(|of| of.action.key != challenge.action);
        if is_foreign { Err(FOREIGN) } else { Ok(challenge) }
    }
}

const FOREIGN: Fault = Fault("a part of it is of another action");

fn invalid(fault: Fault) -> StoreError {
    unreadable("case", fault.0)
}
