//! Encoding of records as rows: `format u8 | MessagePack body | CRC-32C over both, big-endian`.
//!
//! The structs in `rows` define the format. They are separate from the core's types, so that the
//! core can change without changing a row. A new field is appended with `#[serde(default)]`, so
//! that older rows can still be read. Each kind of row has its own format number. It rises if an
//! older server must not read the row, because that server would, for example, accept a challenge
//! id from a key that must sign statements. In every format the first byte is the number and the
//! last four are the checksum.
//!
//! Stores keep actions and challenges in the smaller form of `case`. Their rows are the form of
//! streams, which every server since the first reads.

#[allow(dead_code, clippy::allow_attributes, reason = "both stores begin to use it")]
pub(super) mod case;
pub(super) mod frame;
pub(super) mod hot;
#[cfg(any(test, fuzzing))]
#[cfg_attr(test, expect(unreachable_pub, reason = "the fuzz target is outside of the crate"))]
pub mod properties;
mod rows;
#[cfg(test)]
mod tests;

pub(super) use rows::state_code as state_number;

use countersign_core::account::AccountRecord;
use countersign_core::action::Action;
use countersign_core::challenge::Challenge;
use countersign_core::device::Device;
use countersign_core::event::Event;
use countersign_core::time::UnixMillis;
use serde::{Deserialize, Serialize};
use serde_bytes::Bytes;

use crate::ports::store::StoreError;

const CHECKSUM_BYTES: usize = 4;

/// A record that can be encoded as a row.
pub(super) trait Stored: Sized {
    /// Encodes the record as a row.
    fn to_row(&self) -> Vec<u8>;

    /// Decodes a row.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] for a damaged row, or a row of an unknown format.
    fn from_row(row: &[u8]) -> Result<Self, StoreError>;
}

macro_rules! stored {
    ($($record:ty, $row:ty, $kind:literal, $format:literal;)+) => {$(
        impl Stored for $record {
            fn to_row(&self) -> Vec<u8> {
                seal($format, &<$row>::from(self))
            }

            fn from_row(row: &[u8]) -> Result<Self, StoreError> {
                let body: $row = open($kind, $format, row)?;
                body.try_into().map_err(|e: rows::Invalid| unreadable($kind, &e.0))
            }
        }
    )+};
}

stored! {
    AccountRecord, rows::AccountRow<'_>, "account", 1;
    Action, rows::ActionRow<'_>, "action", 1;
    Challenge, rows::ChallengeRow<'_>, "challenge", 2;
    Device, rows::DeviceRow<'_>, "device", 2;
    Event, rows::EventRow<'_>, "event", 1;
}

impl Stored for [u8; 32] {
    fn to_row(&self) -> Vec<u8> {
        seal(1, &Bytes::new(self))
    }

    fn from_row(row: &[u8]) -> Result<Self, StoreError> {
        let bytes: &Bytes = open("secret", 1, row)?;
        bytes[..].try_into().map_err(|_| unreadable("secret", "it is not 32 bytes"))
    }
}

impl Stored for UnixMillis {
    fn to_row(&self) -> Vec<u8> {
        seal(1, &self.0)
    }

    fn from_row(row: &[u8]) -> Result<Self, StoreError> {
        open("time", 1, row).map(Self)
    }
}

fn seal(format: u8, body: &impl Serialize) -> Vec<u8> {
    let mut row = Vec::with_capacity(256);
    row.push(format);
    rmp_serde::encode::write(&mut row, body).expect("plain structs are written to memory");
    let checksum = crc32c::crc32c(&row);
    row.extend_from_slice(&checksum.to_be_bytes());
    row
}

fn open<'a, T: Deserialize<'a>>(kind: &str, newest: u8, row: &'a [u8]) -> Result<T, StoreError> {
    let short = || unreadable(kind, "it is too short");
    let split = row.len().checked_sub(CHECKSUM_BYTES).ok_or_else(short)?;
    let (sealed, checksum) = row.split_at(split);
    let (format, body) = sealed.split_first().ok_or_else(short)?;
    if crc32c::crc32c(sealed).to_be_bytes() != checksum {
        return Err(unreadable(kind, "its checksum is wrong"));
    }
    if !(1..=newest).contains(format) {
        let message = format!("its format {format} is unknown, 1 to {newest} are known");
        return Err(unreadable(kind, &message));
    }
    // The decoder's own message is dropped, because it could quote the row.
    rmp_serde::from_slice(body).map_err(|_| unreadable(kind, "its body has another shape"))
}

fn unreadable(kind: &str, reason: &str) -> StoreError {
    StoreError::Unreadable(format!("{kind}: {reason}"))
}
