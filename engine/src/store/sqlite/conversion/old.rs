//! Reader of a file of an older layout. It reads tables in the order of their rows, and changes
//! nothing.

use std::ops::RangeInclusive;
use std::path::Path;

use countersign_core::account::AccountRecord;
use countersign_core::action::Action;
use countersign_core::challenge::Challenge;
use countersign_core::device::Device;
use countersign_core::event::Event;
use countersign_core::id::{AccountKey, TenantId, UserId};
use countersign_core::text::Line;
use countersign_core::time::UnixMillis;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _, Row};

use crate::ports::store::StoreError;
use crate::store::sqlite::queries::record;
use crate::store::sqlite::{Fault, schema, sql_int};

/// Layouts that can be converted.
pub(super) const LAYOUTS: RangeInclusive<i64> = 1..=2;

/// A table with the columns to read after the row, and the decoder of a row.
pub(super) struct Table<T> {
    name: &'static str,
    columns: &'static str,
    read: fn(&Row<'_>) -> Result<T, Fault>,
}

pub(super) const SECRETS: Table<(TenantId, [u8; 32])> =
    Table { name: "secrets", columns: "tenant", read: secret };
pub(super) const ACCOUNTS: Table<OldAccount> = Table {
    name: "accounts",
    columns: "tenant, user_id, email, phone, username, revision",
    read: account,
};
pub(super) const ACTIONS: Table<Action> = Table {
    name: "actions",
    columns: "tenant, user_id, code, idempotency_key, created_at",
    read: action,
};
pub(super) const CHALLENGES: Table<Challenge> = Table {
    name: "challenges",
    columns: "tenant, user_id, id, issued_at, expires_at, held, ended_at",
    read: challenge,
};
pub(super) const EVENTS: Table<Event> =
    Table { name: "events", columns: "tenant, user_id, id, due_at", read: event };
pub(super) const CLOCK: Table<UnixMillis> =
    Table { name: "clock", columns: "NULL", read: |row| record(row, 1) };

const TABLES: [&str; 7] =
    ["secrets", "accounts", "devices", "actions", "challenges", "events", "clock"];

const LAYOUT: &str = "SELECT value FROM meta WHERE key = 'schema'";
const EXISTS: &str = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1";
const DEVICES: &str = "SELECT rowid, row, tenant, user_id, id, thumbprint FROM devices
     WHERE tenant = ?1 AND user_id = ?2";
const CHALLENGE: &str = "SELECT row FROM challenges WHERE rowid = ?1";

/// An account with its revision, which outlives the user's removal.
pub(super) struct OldAccount {
    pub(super) key: AccountKey,
    pub(super) revision: u64,
    /// None for a removed user.
    pub(super) record: Option<AccountRecord>,
}

/// Returns the layout of a file. None for an empty file, and for one that is not of this store.
pub(super) fn layout(path: &Path) -> Result<Option<i64>, Fault> {
    if path.metadata().map_or(0, |file| file.len()) == 0 {
        return Ok(None);
    }
    let connection = schema::open_reader(path)?;
    match connection.query_row(LAYOUT, [], |row| row.get(0)).optional() {
        // The opening of the store names the fault of a foreign file.
        Err(error) if error.to_string().starts_with("no such table") => Ok(None),
        layout => Ok(layout?),
    }
}

/// A file of an older layout, locked against every writer.
pub(super) struct OldFile {
    connection: Connection,
}

impl OldFile {
    /// Copies the log into the file, so that the file is complete by itself, and locks the file.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = schema::connect(path)?;
        Self::settle(&connection).map_err(Fault::Sql)?;
        Ok(Self { connection })
    }

    fn settle(connection: &Connection) -> rusqlite::Result<()> {
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
            // Another program reads the file.
            if row.get::<_, i64>(0)? == 0 { Ok(()) } else { Err(busy()) }
        })?;
        connection.execute_batch("BEGIN IMMEDIATE")?;
        connection.pragma_update(None, "query_only", true)
    }

    pub(super) const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Returns the number of bytes of the file.
    pub(super) fn bytes(&self) -> Result<u64, Fault> {
        let number = |name| self.connection.pragma_query_value(None, name, |row| row.get(0));
        let (pages, page_bytes): (i64, i64) = (number("page_count")?, number("page_size")?);
        Ok(pages.saturating_mul(page_bytes).cast_unsigned())
    }

    /// Returns the number of records.
    pub(super) fn count(&self) -> Result<u64, Fault> {
        let mut total = 0_i64;
        for table in TABLES {
            if self.has(table)? {
                let sql = format!("SELECT count(*) FROM {table}");
                total += self.connection.query_row(&sql, [], |row| row.get::<_, i64>(0))?;
            }
        }
        Ok(total.cast_unsigned())
    }

    fn has(&self, table: &str) -> rusqlite::Result<bool> {
        self.connection.prepare_cached(EXISTS)?.exists([table])
    }

    /// Passes every record of a table on with its row id, in the order of the rows. Older files
    /// lack some tables.
    pub(super) fn each<T>(
        &self,
        table: &Table<T>,
        mut take: impl FnMut(i64, T) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let Table { name, columns, read } = table;
        if !self.has(name)? {
            return Ok(());
        }
        let sql = format!("SELECT rowid, row, {columns} FROM {name} ORDER BY rowid");
        let mut statement = self.connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            take(row.get(0)?, read(row).map_err(|fault| located(name, row, fault))?)?;
        }
        Ok(())
    }

    /// Reads the devices of an account.
    pub(super) fn devices(&self, account: &AccountKey) -> Result<Vec<Device>, Fault> {
        let mut statement = self.connection.prepare_cached(DEVICES)?;
        let mut rows = statement.query((account.tenant.as_str(), account.user.as_str()))?;
        let mut devices = Vec::new();
        while let Some(row) = rows.next()? {
            devices.push(device(row).map_err(|fault| located("devices", row, fault))?);
        }
        Ok(devices)
    }

    /// Reads the challenge in a row.
    pub(super) fn challenge(&self, place: i64) -> Result<Challenge, Fault> {
        let mut statement = self.connection.prepare_cached(CHALLENGE)?;
        let mut rows = statement.query([place])?;
        let row = rows.next()?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        record(row, 0)
    }
}

fn busy() -> rusqlite::Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
    rusqlite::Error::SqliteFailure(code, Some("another program has the file open".to_owned()))
}

/// Adds the place of a row to its fault.
fn located(table: &str, row: &Row<'_>, fault: Fault) -> Fault {
    let Fault::Row(StoreError::Unreadable(reason)) = fault else { return fault };
    let place = row.get::<_, i64>(0).unwrap_or_default();
    StoreError::Unreadable(format!("{table}, row {place}: {reason}")).into()
}

fn text<'r>(row: &'r Row<'_>, column: usize) -> Option<&'r str> {
    row.get_ref(column).ok()?.as_str().ok()
}

fn number(row: &Row<'_>, column: usize) -> Option<i64> {
    row.get_ref(column).ok()?.as_i64().ok()
}

/// Returns the record if the row's columns agree with it. Look-ups used the columns, so a record
/// with other columns was unknown to the server.
fn agreed<T>(record: T, agrees: bool) -> Result<T, Fault> {
    if agrees {
        return Ok(record);
    }
    Err(StoreError::Unreadable("its columns do not fit its content".to_owned()).into())
}

fn unnamed() -> StoreError {
    StoreError::Unreadable("its columns name no account".to_owned())
}

fn tenant(row: &Row<'_>) -> Result<TenantId, StoreError> {
    text(row, 2).and_then(|tenant| TenantId::parse(tenant).ok()).ok_or_else(unnamed)
}

fn key(row: &Row<'_>) -> Result<AccountKey, StoreError> {
    let user = text(row, 3).and_then(|user| UserId::parse(user).ok()).ok_or_else(unnamed)?;
    Ok(AccountKey { tenant: tenant(row)?, user })
}

fn secret(row: &Row<'_>) -> Result<(TenantId, [u8; 32]), Fault> {
    Ok((tenant(row)?, record(row, 1)?))
}

fn account(row: &Row<'_>) -> Result<OldAccount, Fault> {
    let key = key(row)?;
    let revision = number(row, 7).and_then(|revision| u64::try_from(revision).ok());
    let revision = revision
        .ok_or_else(|| StoreError::Unreadable("its revision is not a number".to_owned()))?;
    if row.get_ref(1)? == ValueRef::Null {
        return Ok(OldAccount { key, revision, record: None });
    }
    let found: AccountRecord = record(row, 1)?;
    let line = |line: &Option<Line>, column| line.as_ref().map(Line::as_str) == text(row, column);
    let profile = &found.profile;
    let agrees =
        line(&profile.email, 4) && line(&profile.phone_number, 5) && line(&profile.username, 6);
    agreed(OldAccount { key, revision, record: Some(found) }, agrees)
}

fn device(row: &Row<'_>) -> Result<Device, Fault> {
    let found: Device = record(row, 1)?;
    let agrees = found.account == key(row)?
        && text(row, 4) == Some(found.id.as_str())
        && row.get_ref(5)? == ValueRef::Blob(found.key.thumbprint().as_bytes());
    agreed(found, agrees)
}

fn action(row: &Row<'_>) -> Result<Action, Fault> {
    let found: Action = record(row, 1)?;
    let agrees = found.account == key(row)?
        && text(row, 4) == Some(found.key.code.as_str())
        && text(row, 5) == Some(found.key.idempotency_key.as_str())
        && number(row, 6) == Some(sql_int(found.created_at.0));
    agreed(found, agrees)
}

fn challenge(row: &Row<'_>) -> Result<Challenge, Fault> {
    let found: Challenge = record(row, 1)?;
    let agrees = found.account == key(row)?
        && text(row, 4) == Some(found.id.as_str())
        && number(row, 5) == Some(sql_int(found.issued_at.0))
        && number(row, 6) == Some(sql_int(found.expires_at.0))
        && number(row, 7) == Some(i64::from(found.held))
        && number(row, 8) == found.ended.as_ref().map(|ended| sql_int(ended.at.0));
    agreed(found, agrees)
}

fn event(row: &Row<'_>) -> Result<Event, Fault> {
    let found: Event = record(row, 1)?;
    let agrees = found.account == key(row)?
        && text(row, 4) == Some(found.id.as_str())
        && number(row, 5) == Some(sql_int(found.due_at.0));
    agreed(found, agrees)
}
