//! Frames: a record with its kind and its owner, in one row of a stream.

use countersign_core::account::AccountRecord;
use countersign_core::action::Action;
use countersign_core::challenge::Challenge;
use countersign_core::device::Device;
use countersign_core::event::Event;
use countersign_core::id::{AccountKey, TenantId, UserId};
use countersign_core::time::UnixMillis;
use serde::{Deserialize, Serialize};

use super::{Stored, unreadable};
use crate::ports::store::{Record, StoreError};

/// The newest format of a frame. The row within has its own format number.
const FORMAT: u8 = 1;

const SECRET: u8 = 1;
const ACCOUNT: u8 = 2;
const DEVICE: u8 = 3;
const ACTION: u8 = 4;
const CHALLENGE: u8 = 5;
const LATEST_TIME: u8 = 6;
const EVENT: u8 = 7;
// 8 is reserved for an entry of an audit chain. Each partition of a store has one chain, in the
// table `audit` of SQLite and the key `audit` of a partition in Redis. No server writes one yet.

#[derive(Serialize, Deserialize)]
struct FrameRow<'a> {
    kind: u8,
    /// Empty if the row within names its own account, or has none.
    tenant: &'a str,
    user: &'a str,
    #[serde(with = "serde_bytes")]
    row: &'a [u8],
}

/// Encodes a record as a frame.
pub(in crate::store) fn seal(record: &Record) -> Vec<u8> {
    let (kind, tenant, user, row) = match record {
        Record::Secret(tenant, secret) => (SECRET, tenant.as_str(), "", secret.to_row()),
        Record::Account(key, account) => {
            (ACCOUNT, key.tenant.as_str(), key.user.as_str(), account.to_row())
        }
        Record::Device(device) => (DEVICE, "", "", device.to_row()),
        Record::Action(action) => (ACTION, "", "", action.to_row()),
        Record::Challenge(challenge) => (CHALLENGE, "", "", challenge.to_row()),
        Record::Event(event) => (EVENT, "", "", event.to_row()),
        Record::LatestTime(time) => (LATEST_TIME, "", "", time.to_row()),
    };
    super::seal(FORMAT, &FrameRow { kind, tenant, user, row: &row })
}

/// Decodes the record in a frame.
///
/// # Errors
/// [`StoreError::Unreadable`] for a damaged frame or row, or an unknown format or kind.
pub(in crate::store) fn open(frame: &[u8]) -> Result<Record, StoreError> {
    let FrameRow { kind, tenant, user, row } = super::open("record", FORMAT, frame)?;
    let tenant = || TenantId::parse(tenant).map_err(|e| unreadable("record", &e.to_string()));
    let user = || UserId::parse(user).map_err(|e| unreadable("record", &e.to_string()));
    Ok(match kind {
        SECRET => Record::Secret(tenant()?, Stored::from_row(row)?),
        ACCOUNT => {
            let key = AccountKey { tenant: tenant()?, user: user()? };
            Record::Account(key, AccountRecord::from_row(row)?)
        }
        DEVICE => Record::Device(Device::from_row(row)?),
        ACTION => Record::Action(Action::from_row(row)?),
        CHALLENGE => Record::Challenge(Challenge::from_row(row)?),
        EVENT => Record::Event(Event::from_row(row)?),
        LATEST_TIME => Record::LatestTime(UnixMillis::from_row(row)?),
        _ => return Err(unreadable("record", &format!("its kind {kind} is unknown"))),
    })
}
