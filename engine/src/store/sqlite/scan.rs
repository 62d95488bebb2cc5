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
use super::{Fault, schema, sql_int};
use crate::ports::store::{Cursor, Page, Record, StoreError};
use crate::store::lifecycle::{Lifecycle, digest};

/// Number of rows in a page.
const PAGE_ROWS: u32 = 512;
/// Largest size in bytes of a file that is checked before it is used. The check takes a fraction of
/// a second.
const CHECKED_FIRST_BYTES_MAX: u64 = 32 << 20;

/// Function that decodes the records of a row.
type Read = fn(&Row<'_>) -> Result<Vec<Record>, Fault>;

/// A table, with the statement that reads a page of it. The first column of a statement is the place
/// of the row, and the second one tells rows of one place apart.
struct Table {
    name: &'static str,
    sql: &'static str,
    read: Read,
}

/// The tables in the order of the pages. Secrets and accounts come first, because an import needs
/// them first. A lifecycle that ends moves from `hot` to the end of `cases`, so `hot` comes before
/// it.
const TABLES: [Table; 7] = [
    Table {
        name: "secrets",
        sql: "SELECT rowid, '', row, tenant FROM secrets
              WHERE rowid > ?1 AND ?2 >= '' ORDER BY rowid LIMIT ?3",
        read: secret,
    },
    Table {
        name: "accounts",
        sql: "SELECT id, '', accounts.row, hot.row, tenant, user_id, email, phone, username
              FROM accounts LEFT JOIN hot ON hot.account = id
              WHERE id > ?1 AND ?2 >= '' ORDER BY id LIMIT ?3",
        read: account,
    },
    Table {
        name: "devices",
        sql: "SELECT devices.account, id, devices.row, hot.row, thumbprint
              FROM devices LEFT JOIN hot ON hot.account = devices.account
              WHERE (devices.account, id) > (?1, ?2) ORDER BY devices.account, id LIMIT ?3",
        read: device,
    },
    Table {
        name: "hot",
        sql: "SELECT account, '', hot.row, tenant, user_id, due, held, oldest
              FROM hot LEFT JOIN accounts ON accounts.id = account
              WHERE account > ?1 AND ?2 >= '' ORDER BY account LIMIT ?3",
        read: hot,
    },
    Table {
        name: "cases",
        sql: "SELECT cases.id, '', cases.row, tenant, user_id, name
              FROM cases LEFT JOIN accounts ON accounts.id = cases.account
              WHERE cases.id > ?1 AND ?2 >= '' ORDER BY cases.id LIMIT ?3",
        read: case,
    },
    Table {
        name: "events",
        sql: "SELECT rowid, '', row, tenant, user_id, id, due_at FROM events
              WHERE rowid > ?1 AND ?2 >= '' ORDER BY rowid LIMIT ?3",
        read: event,
    },
    Table {
        name: "clock",
        sql: "SELECT id, '', row FROM clock
              WHERE id > ?1 AND id = 1 AND ?2 >= '' ORDER BY id LIMIT ?3",
        read: |row| Ok(vec![Record::LatestTime(record(row, 2)?)]),
    },
];

/// Every statement of a page, for the test that checks query plans.
#[cfg(test)]
pub(super) fn statements() -> impl Iterator<Item = &'static str> {
    TABLES.iter().map(|table| table.sql)
}

/// Reads the page of records that follows a cursor.
pub(super) fn page(connection: &Connection, from: Option<&Cursor>) -> Result<Page, Fault> {
    let (index, mut last, mut text) = from.map_or(Ok((0, 0, String::new())), place)?;
    let Table { name, sql, read } = &TABLES[index];
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query((last, text.clone(), PAGE_ROWS))?;
    let (mut records, mut count) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        (last, text) = (row.get(0)?, row.get(1)?);
        count += 1;
        match read(row) {
            Ok(found) => records.extend(found.into_iter().map(Ok)),
            Err(Fault::Row(error)) => records.push(Err(located(name, last, &error))),
            Err(Fault::Sql(error)) => return Err(error.into()),
        }
    }
    let next = if count < PAGE_ROWS { (index + 1, 0, "") } else { (index, last, text.as_str()) };
    let next = TABLES.get(next.0).map(|t| Cursor(format!("{}:{}:{}", t.name, next.1, next.2)));
    Ok(Page { records, next })
}

fn place(cursor: &Cursor) -> Result<(usize, i64, String), Fault> {
    let mut parts = cursor.0.splitn(3, ':');
    let mut parsed = || {
        let name = parts.next()?;
        let index = TABLES.iter().position(|table| table.name == name)?;
        Some((index, parts.next()?.parse().ok()?, parts.next()?.to_owned()))
    };
    parsed().ok_or_else(|| super::refused("the cursor is not one of this store").into())
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

fn secret(row: &Row<'_>) -> Result<Vec<Record>, Fault> {
    let unnamed = || StoreError::Unreadable("its columns name no tenant".to_owned());
    let tenant = text(row, 3).and_then(|t| TenantId::parse(t).ok()).ok_or_else(unnamed)?;
    Ok(vec![Record::Secret(tenant, record(row, 2)?)])
}

fn account(row: &Row<'_>) -> Result<Vec<Record>, Fault> {
    let key = owner(row, 4, 5)?;
    let hot = hot_of(row, 3, &key)?;
    let Some(found) = optional::<AccountRecord>(row, 2)? else { return Ok(Vec::new()) };
    let line = |line: &Option<Line>, column| line.as_ref().map(Line::as_str) == text(row, column);
    let profile = &found.profile;
    let agrees =
        line(&profile.email, 6) && line(&profile.phone_number, 7) && line(&profile.username, 8);
    agreed(vec![Record::Account(key, hot.with_counters(found))], agrees)
}

fn device(row: &Row<'_>) -> Result<Vec<Record>, Fault> {
    let found: Device = record(row, 2)?;
    // The checksum of the hot state covers its owner, so this checks the number of the account too.
    let hot = hot_of(row, 3, &found.account)?;
    let agrees = text(row, 1) == Some(found.id.as_str())
        && row.get_ref(4)? == ValueRef::Blob(found.key.thumbprint().as_bytes());
    agreed(vec![Record::Device(hot.with_use(found))], agrees)
}

fn hot(row: &Row<'_>) -> Result<Vec<Record>, Fault> {
    let hot = hot_of(row, 2, &owner(row, 3, 4)?)?;
    let times = [hot.due(), hot.held(), hot.oldest()].map(column);
    let agrees = times == [5, 6, 7].map(|column| number(row, column));
    agreed(hot.lifecycles.into_iter().flat_map(records).collect(), agrees)
}

fn case(row: &Row<'_>) -> Result<Vec<Record>, Fault> {
    let lifecycle = Lifecycle::from_bytes(&owner(row, 3, 4)?, blob(row, 2)?)?;
    let agrees = number(row, 5) == Some(digest(&lifecycle.key).into());
    agreed(records(lifecycle).collect(), agrees)
}

fn records(lifecycle: Lifecycle) -> impl Iterator<Item = Record> {
    let action = lifecycle.action.map(Arc::unwrap_or_clone).map(Record::Action);
    let challenges = lifecycle.challenges.into_iter().map(Arc::unwrap_or_clone);
    action.into_iter().chain(challenges.map(Record::Challenge))
}

fn event(row: &Row<'_>) -> Result<Vec<Record>, Fault> {
    let found: Event = record(row, 2)?;
    let agrees = found.account == owner(row, 3, 4)?
        && text(row, 5) == Some(found.id.as_str())
        && number(row, 6) == Some(sql_int(found.due_at.0));
    agreed(vec![Record::Event(found)], agrees)
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
