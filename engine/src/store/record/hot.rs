//! Rows of lifecycles and of an account's hot state. Their checksums cover the owner too, which is
//! not in the rows.

use std::sync::Arc;

use countersign_core::change::{CommitId, Version};
use countersign_core::id::{AccountKey, AuthenticatorId};
use countersign_core::time::UnixMillis;
use serde::{Deserialize, Serialize};
use serde_bytes::Bytes;

use super::rows::CountersRow;
use super::{CHECKSUM_BYTES, case, unreadable};
use crate::ports::store::StoreError;
use crate::store::lifecycle::{Hot, Lifecycle};

const FORMAT: u8 = 1;

/// Body of the row. A new field is appended with `#[serde(default)]`.
#[derive(Serialize, Deserialize)]
struct HotRow<'a> {
    number: u64,
    commit: u64,
    earlier: Vec<u64>,
    counters: CountersRow,
    #[serde(borrow)]
    used: Vec<(&'a str, u64)>,
    #[serde(borrow)]
    lifecycles: Vec<&'a Bytes>,
}

impl Lifecycle {
    /// Encodes the lifecycle.
    pub(in crate::store) fn to_bytes(&self) -> Vec<u8> {
        case::parts(self.action.as_deref(), &self.challenges)
    }

    /// Decodes a lifecycle of this account.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] for damaged bytes, and for a lifecycle of another account.
    pub(in crate::store) fn from_bytes(
        owner: &AccountKey,
        bytes: &[u8],
    ) -> Result<Self, StoreError> {
        let (action, challenges) = case::read(owner, bytes)?;
        let named = action.as_ref().map(|action| &action.key);
        let named = named.or(challenges.first().map(|challenge| &challenge.action)).cloned();
        let key = named.ok_or_else(|| unreadable("case", "it is empty"))?;
        let challenges = challenges.into_iter().map(Arc::new).collect();
        Ok(Self { key, action: action.map(Arc::new), challenges })
    }
}

/// Encodes the hot state of an account.
pub(in crate::store) fn seal(owner: &AccountKey, hot: &Hot) -> Vec<u8> {
    let lifecycles: Vec<_> = hot.lifecycles.iter().map(Lifecycle::to_bytes).collect();
    let body = HotRow {
        number: hot.version.number,
        commit: hot.version.commit.0,
        earlier: hot.earlier.iter().map(|id| id.0).collect(),
        counters: (&hot.counters).into(),
        used: hot.used.iter().map(|(id, at)| (id.as_str(), at.0)).collect(),
        lifecycles: lifecycles.iter().map(|bytes| Bytes::new(bytes)).collect(),
    };
    let mut row = vec![FORMAT];
    rmp_serde::encode::write(&mut row, &body).expect("plain structs are written to memory");
    let checksum = checksum(owner, &row);
    row.extend(checksum.to_be_bytes());
    row
}

/// Decodes the hot state of an account.
///
/// # Errors
/// [`StoreError::Unreadable`] for a damaged row, the row of another account, or an unknown format.
pub(in crate::store) fn open(owner: &AccountKey, row: &[u8]) -> Result<Hot, StoreError> {
    let (sealed, found) = row
        .split_last_chunk::<CHECKSUM_BYTES>()
        .ok_or_else(|| unreadable("hot state", "it is too short"))?;
    if checksum(owner, sealed).to_be_bytes() != *found {
        return Err(unreadable("hot state", "its checksum is wrong"));
    }
    let Some((&FORMAT, body)) = sealed.split_first() else {
        return Err(unreadable("hot state", "its format is unknown"));
    };
    let shape = || unreadable("hot state", "its body has another shape");
    let row: HotRow<'_> = rmp_serde::from_slice(body).map_err(|_| shape())?;
    let used = row.used.into_iter().map(|(id, at)| {
        let id = AuthenticatorId::parse(id).map_err(|_| shape())?;
        Ok((id, UnixMillis(at)))
    });
    let lifecycles = row.lifecycles.into_iter().map(|bytes| Lifecycle::from_bytes(owner, bytes));
    Ok(Hot {
        version: Version { number: row.number, commit: CommitId(row.commit) },
        earlier: row.earlier.into_iter().map(CommitId).collect(),
        counters: row.counters.into(),
        used: used.collect::<Result<_, StoreError>>()?,
        lifecycles: lifecycles.collect::<Result<_, _>>()?,
    })
}

/// Computes the checksum of a row and its owner. Neither id contains a zero byte.
fn checksum(owner: &AccountKey, row: &[u8]) -> u32 {
    let texts = [owner.tenant.as_str().as_bytes(), &[0], owner.user.as_str().as_bytes(), &[0]];
    texts.into_iter().chain([row]).fold(0, crc32c::crc32c_append)
}
