//! Values with digests of their indexes in front of the record.

use countersign_core::account::AccountRecord;
use countersign_core::device::Device;

use super::super::keys::Digest;
use super::super::reply::unexpected;
use super::super::trouble::Trouble;
use crate::store::record::Stored as _;

/// Decodes the field `row` of an account's hash.
pub(super) fn record(value: &[u8]) -> Result<AccountRecord, Trouble> {
    Ok(AccountRecord::from_row(split(value)?.1)?)
}

/// Splits the field `row` of an account's hash into the digests of indexes, and the record.
pub(super) fn split(value: &[u8]) -> Result<(&[Digest], &[u8]), Trouble> {
    let cut = || unexpected("an account is cut off");
    let (count, rest) = value.split_first().ok_or_else(cut)?;
    let digests = usize::from(*count) * size_of::<Digest>();
    let (digests, row) = rest.split_at_checked(digests).ok_or_else(cut)?;
    Ok((digests.as_chunks().0, row))
}

/// Decodes the field of a device in its account's hash.
pub(super) fn device(value: &[u8]) -> Result<Device, Trouble> {
    let credential = value.split_first_chunk::<{ size_of::<Digest>() }>();
    let (_, row) = credential.ok_or_else(|| unexpected("a device is cut off"))?;
    Ok(Device::from_row(row)?)
}
