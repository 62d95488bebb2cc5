//! Compact form of a text, lossless for every text.
//!
//! It is a list of tokens. A printable ASCII character stands for itself. The other codes stand for
//! a [word](super::words), for bytes that follow, for a piece of what the action says
//! ([`Reference`]), or for the usual ending of a display text.

use super::cursor::{Cursor, Fault, put_difference, put_number};
use super::reference::{Known, PIECE_BYTES_MIN};
use super::words::{self, WORDS};

/// Codes below the printable ASCII characters.
const RAW: u8 = 0x00;
const PIECE: u8 = 0x01;
const ENDING: u8 = 0x02;
const END: u8 = 0x1f;
const PRINTABLE: std::ops::RangeInclusive<u8> = 0x20..=0x7e;
/// Code of the first word.
const FIRST_WORD: u8 = 0x7f;

/// Largest number of bytes that a text takes from the action, so that a few stored bytes cannot
/// fill the memory.
const TAKEN_BYTES_MAX: usize = 1 << 16;

/// Room for a usual text.
const USUAL_BYTES: usize = 256;

/// Writes a text. `known` is the text's action, if the action is known to its reader too.
pub(super) fn put_text(out: &mut Vec<u8>, text: &str, known: Option<&Known<'_>>) {
    let index = known.map(|known| known.reference.index());
    let mut rest = text.as_bytes();
    let mut taken = 0;
    while !rest.is_empty() {
        let may_take = |length: &usize| taken + length <= TAKEN_BYTES_MAX;
        let ending = known.and_then(|known| known.ending(rest));
        if let Some((seconds, length)) = ending.filter(|(_, length)| may_take(length)) {
            out.push(ENDING);
            put_difference(out, known.map_or(0, Known::seconds), seconds);
            taken += length;
            rest = behind(rest, length);
            continue;
        }
        let piece = index.as_ref().and_then(|index| index.longest(rest));
        let piece = piece.filter(|(_, length)| may_take(length));
        let word = words::longest(rest);
        // A piece takes two bytes more than a word.
        match (piece, word) {
            (Some((at, length)), word) if length > word.map_or(0, |(_, length)| length + 2) => {
                out.push(PIECE);
                put_number(out, at as u64);
                put_number(out, (length - PIECE_BYTES_MIN) as u64);
                taken += length;
                rest = behind(rest, length);
            }
            (_, Some((code, length))) => {
                out.push(FIRST_WORD + code);
                rest = behind(rest, length);
            }
            _ => rest = put_plain(out, rest),
        }
    }
    out.push(END);
}

fn behind(text: &[u8], length: usize) -> &[u8] {
    text.get(length..).unwrap_or_default()
}

/// Writes one printable character, or a run of other bytes. A single printable character within a
/// run belongs to it. Returns the rest.
fn put_plain<'a>(out: &mut Vec<u8>, text: &'a [u8]) -> &'a [u8] {
    let is_printable = |byte: Option<&u8>| byte.is_none_or(|byte| PRINTABLE.contains(byte));
    if let Some((first, rest)) = text.split_first().filter(|(first, _)| PRINTABLE.contains(first)) {
        out.push(*first);
        return rest;
    }
    let ends_at = |at: &usize| is_printable(text.get(*at)) && is_printable(text.get(at + 1));
    let length = (1..text.len()).find(ends_at).unwrap_or(text.len());
    let (run, rest) = text.split_at_checked(length).unwrap_or((text, &[]));
    out.push(RAW);
    put_number(out, run.len() as u64);
    out.extend_from_slice(run);
    rest
}

/// Reads what [`put_text`] wrote with the same `known`.
pub(super) fn text(bytes: &mut Cursor<'_>, known: Option<&Known<'_>>) -> Result<String, Fault> {
    let mut text = Vec::with_capacity(USUAL_BYTES);
    let mut taken = 0;
    loop {
        let before = text.len();
        match bytes.byte()? {
            END => break,
            RAW => {
                let length = bytes.number()?;
                text.extend_from_slice(bytes.bytes(length)?);
                continue;
            }
            PIECE => {
                let (at, length) = (bytes.number()?, bytes.number()?);
                let piece = known.and_then(|known| known.reference.piece(at, length));
                text.extend_from_slice(piece.ok_or(UNKNOWN)?);
            }
            ENDING => {
                let known = known.ok_or(UNKNOWN)?;
                known.put_ending(bytes.difference(known.seconds())?, &mut text);
            }
            printable if PRINTABLE.contains(&printable) => {
                text.push(printable);
                continue;
            }
            code => {
                let word = code.checked_sub(FIRST_WORD).and_then(|at| WORDS.get(usize::from(at)));
                let word = word.ok_or(Fault("a text in it has an unknown code"))?;
                text.extend_from_slice(word.as_bytes());
                continue;
            }
        }
        taken += text.len() - before;
        if taken > TAKEN_BYTES_MAX {
            return Err(Fault("a text in it is too long"));
        }
    }
    String::from_utf8(text).map_err(|_| Fault("a text in it is not UTF-8"))
}

const UNKNOWN: Fault = Fault("a text in it refers to another text");
