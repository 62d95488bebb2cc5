//! Reads of the whole file: all records in pages, and a check of the file's structure.

use std::path::Path;

use countersign_core::account::AccountRecord;
use countersign_core::action::Action;
use countersign_core::challenge::Challenge;
use countersign_core::device::Device;
use countersign_core::event::Event;
use countersign_core::id::{AccountKey, TenantId, UserId};
use countersign_core::text::Line;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use super::queries::record;
use super::{Fault, schema, sql_int};
use crate::ports::store::{Cursor, Page, Record, StoreError};

/// Number of rows in a page.
const PAGE_ROWS: u32 = 512;
/// Largest size in bytes of a file that is checked before it is used. The check takes a fraction of
/// a second.
const CHECKED_FIRST_BYTES_MAX: u64 = 32 << 20;

/// Function that decodes the record of a row.
type Read = fn(&Row<'_>) -> Result<Option<Record>, Fault>;

/// The tables, each with the columns to read besides the row, and its decoder. Secrets and accounts
/// come first, because an import needs them first.
const TABLES: [(&str, &str, Read); 7] = [
    ("secrets", ", tenant", secret),
    ("accounts", ", tenant, user_id, email, phone, username", account),
    ("devices", ", tenant, user_id, id, thumbprint", device),
    ("actions", ", tenant, user_id, code, idempotency_key, created_at", action),
    ("challenges", ", tenant, user_id, id, issued_at, expires_at, held, ended_at", challenge),
    ("events", ", tenant, user_id, id, due_at", event),
    ("clock", "", |row| Ok(Some(Record::LatestTime(record(row, 1)?)))),
];

/// Reads the page of records that follows a cursor.
pub(super) fn page(connection: &Connection, from: Option<&Cursor>) -> Result<Page, Fault> {
    let (first, after) = from.map_or(Ok((0, 0)), place)?;
    let (table, columns, read) = TABLES[first];
    let mut statement = connection.prepare_cached(&format!(
        "SELECT rowid, row{columns} FROM {table} WHERE rowid > ?1 ORDER BY rowid LIMIT ?2"
    ))?;
    let mut rows = statement.query((after, PAGE_ROWS))?;
    let (mut records, mut last, mut count) = (Vec::new(), after, 0);
    while let Some(row) = rows.next()? {
        last = row.get(0)?;
        count += 1;
        match read(row) {
            Ok(found) => records.extend(found.map(Ok)),
            Err(Fault::Row(error)) => records.push(Err(located(table, last, &error))),
            Err(Fault::Sql(error)) => return Err(error.into()),
        }
    }
    let next = if count < PAGE_ROWS { (first + 1, 0) } else { (first, last) };
    let next = TABLES.get(next.0).map(|(table, ..)| Cursor(format!("{table}:{}", next.1)));
    Ok(Page { records, next })
}

fn place(cursor: &Cursor) -> Result<(usize, i64), Fault> {
    let parsed = cursor.0.split_once(':').and_then(|(name, row)| {
        let table = TABLES.iter().position(|(table, ..)| *table == name)?;
        Some((table, row.parse().ok()?))
    });
    parsed.ok_or_else(|| super::refused("the cursor is not one of this store").into())
}

fn located(table: &str, row: i64, error: &StoreError) -> StoreError {
    let reason = match error {
        StoreError::Unavailable(reason) | StoreError::Unreadable(reason) => reason,
        StoreError::Busy(_) | StoreError::Closed => return error.clone(),
    };
    StoreError::Unreadable(format!("{table}, row {row}: {reason}"))
}

fn text<'r>(row: &'r Row<'_>, column: usize) -> Option<&'r str> {
    row.get_ref(column).ok()?.as_str().ok()
}

fn number(row: &Row<'_>, column: usize) -> Option<i64> {
    row.get_ref(column).ok()?.as_i64().ok()
}

/// Returns the record if the row's columns agree with it, and an error if not, because look-ups use
/// the columns and would not find the record.
fn agreed(record: Record, agrees: bool) -> Result<Option<Record>, Fault> {
    if agrees {
        return Ok(Some(record));
    }
    Err(StoreError::Unreadable("its columns do not fit its content".to_owned()).into())
}

fn unnamed() -> StoreError {
    StoreError::Unreadable("its columns name no account".to_owned())
}

fn key(row: &Row<'_>) -> Result<AccountKey, StoreError> {
    let tenant = text(row, 2).and_then(|t| TenantId::parse(t).ok()).ok_or_else(unnamed)?;
    let user = text(row, 3).and_then(|u| UserId::parse(u).ok()).ok_or_else(unnamed)?;
    Ok(AccountKey { tenant, user })
}

fn secret(row: &Row<'_>) -> Result<Option<Record>, Fault> {
    let tenant = text(row, 2).and_then(|t| TenantId::parse(t).ok()).ok_or_else(unnamed)?;
    Ok(Some(Record::Secret(tenant, record(row, 1)?)))
}

fn account(row: &Row<'_>) -> Result<Option<Record>, Fault> {
    if row.get_ref(1)? == ValueRef::Null {
        return Ok(None);
    }
    let (key, found): (_, AccountRecord) = (key(row)?, record(row, 1)?);
    let line = |line: &Option<Line>, column| line.as_ref().map(Line::as_str) == text(row, column);
    let profile = &found.profile;
    let agrees =
        line(&profile.email, 4) && line(&profile.phone_number, 5) && line(&profile.username, 6);
    agreed(Record::Account(key, found), agrees)
}

fn device(row: &Row<'_>) -> Result<Option<Record>, Fault> {
    let found: Device = record(row, 1)?;
    let agrees = found.account == key(row)?
        && text(row, 4) == Some(found.id.as_str())
        && row.get_ref(5)? == ValueRef::Blob(found.key.thumbprint().as_bytes());
    agreed(Record::Device(found), agrees)
}

fn action(row: &Row<'_>) -> Result<Option<Record>, Fault> {
    let found: Action = record(row, 1)?;
    let agrees = found.account == key(row)?
        && text(row, 4) == Some(found.key.code.as_str())
        && text(row, 5) == Some(found.key.idempotency_key.as_str())
        && number(row, 6) == Some(sql_int(found.created_at.0));
    agreed(Record::Action(found), agrees)
}

fn challenge(row: &Row<'_>) -> Result<Option<Record>, Fault> {
    let found: Challenge = record(row, 1)?;
    let agrees = found.account == key(row)?
        && text(row, 4) == Some(found.id.as_str())
        && number(row, 5) == Some(sql_int(found.issued_at.0))
        && number(row, 6) == Some(sql_int(found.expires_at.0))
        && number(row, 7) == Some(i64::from(found.held))
        && number(row, 8) == found.ended.as_ref().map(|ended| sql_int(ended.at.0));
    agreed(Record::Challenge(found), agrees)
}

fn event(row: &Row<'_>) -> Result<Option<Record>, Fault> {
    let found: Event = record(row, 1)?;
    let agrees = found.account == key(row)?
        && text(row, 4) == Some(found.id.as_str())
        && number(row, 5) == Some(sql_int(found.due_at.0));
    agreed(Record::Event(found), agrees)
}

/// Lets SQLite check the pages, the tables and their indexes against each other.
pub(super) fn verify(connection: &Connection) -> Result<(), Fault> {
    let mut statement = connection.prepare("PRAGMA integrity_check(5)")?;
    let said = statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
    if said == ["ok"] {
        return Ok(());
    }
    Err(StoreError::Unreadable(format!("the file is damaged: {}", said.join("; "))).into())
}

/// Checks a small file. Returns false if the file is too large to check before it is used.
pub(super) fn check_at_open(path: &Path) -> Result<bool, StoreError> {
    let bytes = std::fs::metadata(path).map_or(0, |file| file.len());
    if bytes > CHECKED_FIRST_BYTES_MAX {
        return Ok(false);
    }
    check_file(path)?;
    Ok(true)
}

/// Checks a file on a separate connection.
pub(super) fn check_file(path: &Path) -> Result<(), StoreError> {
    let connection = schema::open_reader(path)?;
    Ok(verify(&connection)?)
}
