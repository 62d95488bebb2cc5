//! Reads of the whole file: all records in pages, and a check of the file's structure.

use std::path::Path;
use std::sync::Arc;

use countersign_core::account::AccountRecord;
use countersign_core::device::Device;
use countersign_core::event::Event;
use countersign_core::id::TenantId;
use countersign_core::text::Line;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use super::hot::column;
use super::queries::{blob, hot_of, optional, owner, record};
use super::{Fault, cases, schema, sql_int};
use crate::ports::store::{Cursor, Page, Record, StoreError};
use crate::store::lifecycle::{Lifecycle, digest};

/// Number of rows in a page.
const PAGE_ROWS: u32 = 512;
/// Largest size in bytes of a file that is checked before it is used. The check takes a fraction of
/// a second.
const CHECKED_FIRST_BYTES_MAX: u64 = 32 << 20;

const DEVICES: &str = "SELECT row, id, thumbprint FROM devices WHERE account = ?1";

/// Function that decodes the records of a row.
type Read = fn(&Connection, &Row<'_>) -> Result<Vec<Record>, Fault>;

/// The tables in the order of the pages, each with the number of a row, the columns to read besides
/// it, and its decoder. Secrets and accounts come first, because an import needs them first. A
/// lifecycle that ends moves from `hot` to the end of `cases`, so `hot` comes before it.
const TABLES: [(&str, &str, &str, Read); 6] = [
    ("secrets", "rowid", "row, tenant FROM secrets", secret),
    (
        "accounts",
        "id",
        "accounts.row, hot.row, tenant, user_id, email, phone, username
         FROM accounts LEFT JOIN hot ON hot.account = id",
        account,
    ),
    (
        "hot",
        "account",
        "hot.row, tenant, user_id, due, held, oldest
         FROM hot LEFT JOIN accounts ON id = account",
        hot,
    ),
    (
        "cases",
        "cases.id",
        "cases.row, tenant, user_id, name
         FROM cases LEFT JOIN accounts ON accounts.id = account",
        case,
    ),
    ("events", "rowid", "row, tenant, user_id, id, due_at FROM events", event),
    ("clock", "id", "row FROM clock", latest_time),
];

fn sql((_, place, columns, _): &(&str, &str, &str, Read)) -> String {
    format!("SELECT {place}, {columns} WHERE {place} > ?1 ORDER BY {place} LIMIT ?2")
}

/// Every statement of this file, for the test that checks query plans.
#[cfg(test)]
pub(super) fn statements() -> impl Iterator<Item = String> {
    TABLES.iter().map(sql).chain([DEVICES.to_owned()])
}

/// Reads the page of records that follows a cursor.
pub(super) fn page(connection: &Connection, from: Option<&Cursor>) -> Result<Page, Fault> {
    let (index, after) = from.map_or(Ok((0, 0)), place)?;
    let (table, .., read) = TABLES[index];
    let mut statement = connection.prepare_cached(&sql(&TABLES[index]))?;
    let mut rows = statement.query((after, PAGE_ROWS))?;
    let (mut records, mut last, mut count) = (Vec::new(), after, 0);
    while let Some(row) = rows.next()? {
        last = row.get(0)?;
        count += 1;
        match read(connection, row) {
            Ok(found) => records.extend(found.into_iter().map(Ok)),
            Err(Fault::Row(error)) => records.push(Err(located(table, last, &error))),
            Err(Fault::Sql(error)) => return Err(error.into()),
        }
    }
    let next = if count < PAGE_ROWS { (index + 1, 0) } else { (index, last) };
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

/// Returns the records if the row's columns agree with them, and an error if not, because look-ups
/// use the columns and would not find the records.
fn agreed(records: Vec<Record>, agrees: bool) -> Result<Vec<Record>, Fault> {
    if agrees {
        return Ok(records);
    }
    Err(StoreError::Unreadable("its columns do not fit its content".to_owned()).into())
}

fn secret(_: &Connection, row: &Row<'_>) -> Result<Vec<Record>, Fault> {
    let unnamed = || StoreError::Unreadable("its columns name no tenant".to_owned());
    let tenant = text(row, 2).and_then(|t| TenantId::parse(t).ok()).ok_or_else(unnamed)?;
    Ok(vec![Record::Secret(tenant, record(row, 1)?)])
}

fn account(_: &Connection, row: &Row<'_>) -> Result<Vec<Record>, Fault> {
    let key = owner(row, 3, 4)?;
    let hot = hot_of(row, 2, &key)?;
    let Some(found) = optional::<AccountRecord>(row, 1)? else { return Ok(Vec::new()) };
    let line = |line: &Option<Line>, column| line.as_ref().map(Line::as_str) == text(row, column);
    let profile = &found.profile;
    let agrees =
        line(&profile.email, 5) && line(&profile.phone_number, 6) && line(&profile.username, 7);
    agreed(vec![Record::Account(key, hot.with_counters(found))], agrees)
}

/// Reads the devices of an account and its lifecycles under way.
fn hot(connection: &Connection, row: &Row<'_>) -> Result<Vec<Record>, Fault> {
    let owner = owner(row, 2, 3)?;
    let hot = hot_of(row, 1, &owner)?;
    let times = [hot.due(), hot.held(), hot.oldest()].map(column);
    let mut agrees = times == [4, 5, 6].map(|column| number(row, column));
    let mut found = Vec::new();
    let mut statement = connection.prepare_cached(DEVICES)?;
    let mut devices = statement.query([row.get::<_, i64>(0)?])?;
    while let Some(row) = devices.next()? {
        let device: Device = record(row, 0)?;
        agrees &= device.account == owner
            && text(row, 1) == Some(device.id.as_str())
            && row.get_ref(2)? == ValueRef::Blob(device.key.thumbprint().as_bytes());
        found.push(Record::Device(hot.with_use(device)));
    }
    found.extend(hot.lifecycles.into_iter().flat_map(records));
    agreed(found, agrees)
}

fn case(_: &Connection, row: &Row<'_>) -> Result<Vec<Record>, Fault> {
    let lifecycle = Lifecycle::from_bytes(&owner(row, 2, 3)?, blob(row, 1)?)?;
    let agrees = number(row, 4) == Some(digest(&lifecycle.key));
    agreed(records(lifecycle).collect(), agrees)
}

fn records(lifecycle: Lifecycle) -> impl Iterator<Item = Record> {
    let action = lifecycle.action.map(Arc::unwrap_or_clone).map(Record::Action);
    let challenges = lifecycle.challenges.into_iter().map(Arc::unwrap_or_clone);
    action.into_iter().chain(challenges.map(Record::Challenge))
}

fn event(_: &Connection, row: &Row<'_>) -> Result<Vec<Record>, Fault> {
    let found: Event = record(row, 1)?;
    let agrees = found.account == owner(row, 2, 3)?
        && text(row, 4) == Some(found.id.as_str())
        && number(row, 5) == Some(sql_int(found.due_at.0));
    agreed(vec![Record::Event(found)], agrees)
}

fn latest_time(_: &Connection, row: &Row<'_>) -> Result<Vec<Record>, Fault> {
    let time = record(row, 1)?;
    let is_mark = row.get::<_, i64>(0)? == cases::MARK_ID;
    Ok(if is_mark { Vec::new() } else { vec![Record::LatestTime(time)] })
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
