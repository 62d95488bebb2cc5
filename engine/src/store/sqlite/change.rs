//! Recording of a change: its answer, and then the writes of its records.

use countersign_core::account::AccountRecord;
use countersign_core::change::{Change, Write};
use countersign_core::device::Device;
use countersign_core::id::AccountKey;
use countersign_core::text::Line;
use rusqlite::Connection;

use super::cases;
use super::hot::{self, Times};
use super::queries::Known;
use super::writer::Medium;
use super::{Fault, outbox, tickets};
use crate::ports::store::Committed;
use crate::store::check_form;
use crate::store::failures::Failures;
use crate::store::lifecycle::{Found, apply, judge, named};
use crate::store::record::Stored as _;

const ADD_ACCOUNT: &str =
    "INSERT INTO accounts(tenant, user_id, email, phone, username, removed, row)
     VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)";
const PUT_ACCOUNT: &str = "UPDATE accounts
     SET email = ?2, phone = ?3, username = ?4, removed = ?5, row = ?6 WHERE id = ?1";
/// The indexes stay as they are, because their columns do.
pub(super) const PUT_ROW: &str = "UPDATE accounts SET row = ?2 WHERE id = ?1";
const PUT_DEVICE: &str =
    "INSERT OR REPLACE INTO devices(account, id, thumbprint, row) VALUES(?1, ?2, ?3, ?4)";
const DROP_DEVICE: &str = "DELETE FROM devices WHERE account = ?1 AND id = ?2";
const DROP_DEVICES: &str = "DELETE FROM devices WHERE account = ?1";

/// Every statement of this file, for the test that checks query plans.
#[cfg(test)]
pub(super) const STATEMENTS: [&str; 6] =
    [ADD_ACCOUNT, PUT_ACCOUNT, PUT_ROW, PUT_DEVICE, DROP_DEVICE, DROP_DEVICES];

/// Judges a change, and writes it if nothing is against it.
pub(super) fn commit(
    medium: &mut Medium,
    change: &Change,
    failures: &Failures,
) -> Result<Committed, Fault> {
    check_form(change)?;
    let Medium { connection, accounts, case_ids } = medium;
    let account = accounts.get(connection, &change.account)?;
    let bytes = account.bytes();
    let (cases, damaged) = touched_cases(connection, account, change, failures)?;
    if let Some(answer) = judge(&account.hot, &cases, change) {
        return Ok(answer);
    }
    // Every damaged row is found before the first write, so that it fails this change alone.
    account.learn_devices(connection, change)?;
    let before = Times::of(&account.hot);
    let mut moved = apply(&mut account.hot, cases, change);
    moved.gone.extend(damaged);
    let is_new = account.id.is_none();
    let id = put_account(connection, account, change)?;
    put_others(connection, id, account, change)?;
    cases::record(connection, case_ids, id, &moved)?;
    let before = (!is_new).then_some(before);
    account.hot_bytes = hot::put(connection, id, &change.account, &account.hot, before.as_ref())?;
    let after = account.bytes();
    accounts.resize(bytes, after);
    Ok(Committed::Recorded)
}

/// Reads the cases that a change may touch. The second list names damaged ones, which a removal of
/// the account deletes, so that one of them does not keep a user from being removed.
fn touched_cases(
    connection: &Connection,
    account: &Known,
    change: &Change,
    failures: &Failures,
) -> Result<(Vec<Found>, Vec<i64>), Fault> {
    let Some(id) = account.id else { return Ok(Default::default()) };
    if change.writes.contains(&Write::RemoveAccount) {
        return cases::all(connection, id, &change.account, failures);
    }
    let mut found: Vec<Found> = Vec::new();
    for key in named(&account.hot, change) {
        found.extend(cases::of_name(connection, id, &change.account, key)?);
    }
    // Two names with the same digest find the same cases.
    found.sort_by_key(|case| case.id);
    found.dedup_by_key(|case| case.id);
    Ok((found, Vec::new()))
}

/// Writes the account's own row if the change does more to it than to count. Returns its id.
fn put_account(
    connection: &Connection,
    account: &mut Known,
    change: &Change,
) -> rusqlite::Result<i64> {
    let written = change.writes.iter().rev().find_map(|write| {
        let removes = *write == Write::RemoveAccount;
        if let Write::Account(record) = write {
            Some(Some(record))
        } else {
            removes.then_some(None)
        }
    });
    let record = written.flatten();
    let is_removed = written.map_or(account.is_removed, |record| record.is_none());
    let [email, phone, username] = attributes(record);
    let removed = is_removed.then_some(0);
    let row = record.map(|record| record.to_row());
    let bytes = row.as_ref().map_or(0, Vec::len);
    let id = match account.id {
        None => {
            let AccountKey { tenant, user } = &change.account;
            let params = (tenant.as_str(), user.as_str(), email, phone, username, removed, row);
            connection.prepare_cached(ADD_ACCOUNT)?.execute(params)?;
            connection.last_insert_rowid()
        }
        Some(id) if written.is_none() || record.is_some_and(|r| only_counts(account, r)) => {
            return Ok(id);
        }
        Some(id) => {
            let has_same = attributes(account.record.as_ref()) == attributes(record);
            if has_same && is_removed == account.is_removed {
                connection.prepare_cached(PUT_ROW)?.execute((id, row))?;
            } else {
                let params = (id, email, phone, username, removed, row);
                connection.prepare_cached(PUT_ACCOUNT)?.execute(params)?;
            }
            id
        }
    };
    let known = account.record.as_ref().map_or(&[][..], |record| &record.tickets);
    let wanted = record.map_or(&[][..], |record| &record.tickets);
    if known != wanted {
        tickets::replace(connection, id, wanted)?;
    }
    account.own_bytes = account.own_bytes.max(bytes);
    (account.id, account.is_removed, account.record) = (Some(id), is_removed, record.cloned());
    Ok(id)
}

/// Tells whether a record differs from the recorded one by nothing but its counters, which the hot
/// state keeps.
fn only_counts(account: &Known, record: &AccountRecord) -> bool {
    let AccountRecord { created_at, profile, counters: _, tickets } = record;
    account.record.as_ref().is_some_and(|known| {
        (&known.created_at, &known.profile, &known.tickets) == (created_at, profile, tickets)
    })
}

fn attributes(record: Option<&AccountRecord>) -> [Option<&str>; 3] {
    let Some(AccountRecord { profile, .. }) = record else { return [None; 3] };
    [&profile.email, &profile.phone_number, &profile.username]
        .map(|line| line.as_ref().map(Line::as_str))
}

/// Writes devices and events.
fn put_others(
    connection: &Connection,
    id: i64,
    account: &mut Known,
    change: &Change,
) -> rusqlite::Result<()> {
    for write in &change.writes {
        match write {
            Write::RemoveAccount => {
                connection.prepare_cached(DROP_DEVICES)?.execute([id])?;
                account.devices.clear();
            }
            Write::Device(device) => put_device(connection, id, account, device)?,
            Write::RemoveDevice(device) => {
                connection.prepare_cached(DROP_DEVICE)?.execute((id, device.as_str()))?;
                account.devices.remove(device);
            }
            Write::Event(event) => outbox::write(connection, outbox::PUT, event)?,
            // The account's row is written before, and the others are in the hot state or in cases.
            Write::Account(_) | Write::Track(_) | Write::Action(_) | Write::Challenge(_) => {}
        }
    }
    Ok(())
}

/// Writes the row of a device, unless it differs by nothing but the last use, which the hot state
/// keeps.
fn put_device(
    connection: &Connection,
    id: i64,
    account: &mut Known,
    device: &Device,
) -> rusqlite::Result<()> {
    if account.devices.get(&device.id).is_some_and(|known| {
        *device == Device { last_verified_at: device.last_verified_at, ..known.clone() }
    }) {
        return Ok(());
    }
    let (thumbprint, row) = (device.key.thumbprint(), device.to_row());
    let params = (id, device.id.as_str(), thumbprint.as_bytes(), row);
    connection.prepare_cached(PUT_DEVICE)?.execute(params)?;
    account.devices.insert(device.id.clone(), device.clone());
    Ok(())
}
