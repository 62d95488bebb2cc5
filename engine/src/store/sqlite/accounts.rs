//! Accounts in the writer's memory, so that a commit of an account in use reads nothing of it.
//!
//! Only the writer changes the file, so its memory is what the file holds, plus the changes of the
//! open group. If the group is not recorded, the accounts that it touched are forgotten.

use std::collections::HashMap;

use countersign_core::change::{Change, Write};
use countersign_core::id::AccountKey;
use rusqlite::Connection;

use super::Fault;
use super::queries::{Known, blob, record, stored};

/// Number of accounts after which a generation is full. Memory holds two generations, of about 2
/// KiB an account.
const GENERATION_ACCOUNTS_MAX: usize = 8_192;
/// Number of bytes of rows after which a generation is full. In memory they take a few times as
/// much.
const GENERATION_BYTES_MAX: usize = 32 << 20;

pub(super) const DEVICE: &str = "SELECT row FROM devices WHERE account = ?1 AND id = ?2";

impl Known {
    /// Returns the approximate number of bytes of the account's rows.
    pub(super) const fn bytes(&self) -> usize {
        self.own_bytes + self.hot_bytes
    }

    /// Reads the rows of the devices that a change writes, unless they are known.
    pub(super) fn learn_devices(
        &mut self,
        connection: &Connection,
        change: &Change,
    ) -> Result<(), Fault> {
        let Some(account) = self.id else { return Ok(()) };
        for write in &change.writes {
            let Write::Device(device) = write else { continue };
            let id = &device.id;
            if self.devices.contains_key(id) {
                continue;
            }
            let mut statement = connection.prepare_cached(DEVICE)?;
            let mut rows = statement.query((account, id.as_str()))?;
            if let Some(row) = rows.next()? {
                self.own_bytes += blob(row, 0)?.len();
                self.devices.insert(id.clone(), record(row, 0)?);
            }
        }
        Ok(())
    }
}

/// The accounts that were used last, in two generations. A full generation replaces the older one.
#[derive(Default)]
pub(super) struct Accounts {
    younger: HashMap<AccountKey, Known>,
    older: HashMap<AccountKey, Known>,
    /// Approximate number of bytes of the rows of the younger generation.
    bytes: usize,
    /// Accounts that the open group has touched.
    touched: Vec<AccountKey>,
}

impl Accounts {
    /// Returns an account, which is read if it is not in memory.
    pub(super) fn get(
        &mut self,
        connection: &Connection,
        key: &AccountKey,
    ) -> Result<&mut Known, Fault> {
        if !self.younger.contains_key(key) {
            let known = match self.older.remove(key) {
                Some(known) => known,
                None => stored(connection, key)?.unwrap_or_default(),
            };
            if self.younger.len() >= GENERATION_ACCOUNTS_MAX || self.bytes >= GENERATION_BYTES_MAX {
                self.older = std::mem::take(&mut self.younger);
                self.bytes = 0;
            }
            self.bytes += known.bytes();
            self.younger.insert(key.clone(), known);
        }
        self.touched.push(key.clone());
        Ok(self.younger.get_mut(key).expect("it was inserted just now"))
    }

    /// Notes that the rows of an account of the younger generation have another size.
    pub(super) const fn resize(&mut self, before: usize, after: usize) {
        self.bytes = (self.bytes + after).saturating_sub(before);
    }

    pub(super) fn clear(&mut self) {
        self.younger.clear();
        self.older.clear();
        self.bytes = 0;
    }

    /// Returns the number of accounts in memory.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.younger.len() + self.older.len()
    }

    /// Ends a group. If it was not recorded, its accounts are forgotten.
    pub(super) fn end_group(&mut self, is_recorded: bool) {
        for key in std::mem::take(&mut self.touched) {
            if !is_recorded {
                self.younger.remove(&key);
                self.older.remove(&key);
            }
        }
    }
}
