//! Properties that every row must have. The fuzz target searches for a row that breaks them; a
//! plain test replays the corpus.

use std::fmt::Debug;

use countersign_core::account::AccountRecord;
use countersign_core::action::Action;
use countersign_core::challenge::Challenge;
use countersign_core::device::Device;
use countersign_core::event::Event;

pub use super::case::properties::{case, packed_text};
use super::{CHECKSUM_BYTES, Stored};

/// Checks the properties with these bytes as the body of a row of every kind, with a valid
/// checksum. A row that can be read must be encoded and decoded again without a change. With a
/// wrong checksum it must be refused.
pub fn row(body: &[u8]) {
    let row = sealed(1, body);
    read::<AccountRecord>(&row);
    read::<Action>(&row);
    read::<Challenge>(&row);
    read::<Device>(&row);
    read::<Event>(&row);
    read::<[u8; 32]>(&row);
}

/// Makes a row of this format and body, with a valid checksum.
pub(super) fn sealed(format: u8, body: &[u8]) -> Vec<u8> {
    let mut row = [&[format][..], body].concat();
    row.extend(crc32c::crc32c(&row).to_be_bytes());
    row
}

fn read<T: Stored + PartialEq + Debug>(row: &[u8]) {
    let Ok(record) = T::from_row(row) else { return };
    let written = record.to_row();
    assert_eq!(T::from_row(&written).as_ref(), Ok(&record));
    assert_eq!(T::from_row(&written).map(|again| again.to_row()), Ok(written));
    let mut damaged = row.to_vec();
    damaged[row.len() - CHECKSUM_BYTES] ^= 1;
    assert!(T::from_row(&damaged).is_err(), "a checksum does not matter");
}
