//! The only connection that writes. Each group of units is one transaction.

use std::sync::Arc;

use countersign_core::id::TenantId;
use countersign_core::time::UnixMillis;
use rusqlite::{Connection, ErrorCode};

use super::accounts::Accounts;
use super::cases::CaseIds;
use super::files::{self, Files};
use super::queries::record;
use super::{Fault, schema, unavailable};
use crate::ports::store::StoreError;
use crate::store::commit_queue::unit::Unit;
use crate::store::commit_queue::{Backend, Failure};
use crate::store::record::Stored;

/// Number of units after which the log is copied into the database if no unit waits.
const CHECKPOINT_UNITS_IDLE: usize = 256;
/// Number of units after which the log is copied into the database even if units wait.
const CHECKPOINT_UNITS_MAX: usize = 4_096;

/// Free bytes that make a store ready again after the disk was full. With less, one small group
/// might be recorded and the next one refused.
const ROOM_AGAIN_BYTES: u64 = 1 << 20;

const KEEP_SECRET: &str =
    "INSERT INTO secrets(tenant, row) VALUES(?1, ?2) ON CONFLICT(tenant) DO NOTHING";
const SECRET: &str = "SELECT row FROM secrets WHERE tenant = ?1";
const LATEST: &str = "SELECT row FROM clock WHERE id = 1";
const PUT_LATEST: &str =
    "INSERT INTO clock(id, row) VALUES(1, ?1) ON CONFLICT(id) DO UPDATE SET row = excluded.row";
const BEGIN: &str = "BEGIN IMMEDIATE";
const COMMIT: &str = "COMMIT";
const ROLLBACK: &str = "ROLLBACK";

/// Every statement of this file, for the test that checks query plans.
#[cfg(test)]
pub(super) const STATEMENTS: [&str; 7] = [
    KEEP_SECRET,
    SECRET,
    LATEST,
    PUT_LATEST,
    super::outbox::PUT,
    super::outbox::PUT_OFF,
    super::outbox::REMOVE,
];

/// The open transaction of a group, with the writer's memory.
pub(super) struct Medium {
    pub(super) connection: Connection,
    pub(super) accounts: Accounts,
    pub(super) case_ids: CaseIds,
}

impl Medium {
    fn run(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(drop)
    }
}

/// The writing connection. The files stay locked until it is closed.
pub(super) struct WritingConnection {
    pub(super) medium: Medium,
    since_checkpoint: usize,
    // Fields are dropped in order, so that the lock is released after the connection is closed.
    files: Arc<Files>,
}

impl WritingConnection {
    pub(super) fn open(files: Arc<Files>) -> Result<Self, StoreError> {
        let connection = schema::open_writer(&files.path)?;
        let case_ids = CaseIds::at_open(&connection)?;
        let medium = Medium { connection, accounts: Accounts::default(), case_ids };
        Ok(Self { medium, since_checkpoint: 0, files })
    }

    fn checkpoint(&self, mode: &str) -> rusqlite::Result<()> {
        let sql = format!("PRAGMA wal_checkpoint({mode})");
        // A reader can keep a checkpoint from copying all pages. That is not an error.
        self.medium.connection.query_row(&sql, [], |_| Ok(()))
    }
}

impl Backend for WritingConnection {
    type Medium = Medium;

    fn record(&mut self, units: &mut [Unit<Medium>]) -> Result<(), Failure> {
        self.since_checkpoint += units.len();
        let medium = &mut self.medium;
        let pruned = medium.case_ids.pruned;
        medium.run(BEGIN).map_err(|e| failure(&e))?;
        let recorded = units
            .iter_mut()
            .try_for_each(|unit| unit.run(medium))
            .and_then(|()| medium.run(COMMIT).map_err(|e| failure(&e)));
        medium.accounts.end_group(recorded.is_ok());
        if recorded.is_err() {
            medium.case_ids.pruned = pruned;
        }
        // After some errors SQLite has rolled the transaction back itself.
        if recorded.is_err() && !medium.connection.is_autocommit() {
            medium.run(ROLLBACK).map_err(|e| failure(&e))?;
        }
        recorded
    }

    fn maintain(&mut self, idle: bool) -> Result<(), StoreError> {
        let due = if idle { CHECKPOINT_UNITS_IDLE } else { CHECKPOINT_UNITS_MAX };
        if self.since_checkpoint < due {
            return Ok(());
        }
        self.since_checkpoint = 0;
        match self.checkpoint("PASSIVE") {
            // Pages that could not be copied stay in the log.
            Err(error) if has_no_room(&error) => Ok(()),
            checkpointed => checkpointed.map_err(|e| unavailable(&e)),
        }
    }

    fn has_room(&self) -> bool {
        files::room(&self.files.path).is_none_or(|bytes| bytes >= ROOM_AGAIN_BYTES)
    }

    fn close(self) -> Result<(), StoreError> {
        match self.checkpoint("TRUNCATE") {
            Err(error) if has_no_room(&error) => {}
            checkpointed => checkpointed.map_err(|e| unavailable(&e))?,
        }
        self.medium.connection.close().map_err(|(_, error)| unavailable(&error))
    }
}

/// Converts work into a unit of a group.
pub(super) fn in_group<T>(
    mut work: impl FnMut(&mut Medium) -> Result<T, Fault>,
) -> impl FnMut(&mut Medium) -> Result<Result<T, StoreError>, Failure> {
    move |medium| match work(medium) {
        Ok(answer) => Ok(Ok(answer)),
        // A damaged row fails only its own unit, because it is found before the unit's first write.
        Err(Fault::Row(error)) => Ok(Err(error)),
        Err(Fault::Sql(error)) => Err(failure(&error)),
    }
}

/// Classifies the failure of a group. After another program's lock, or on a full disk, the
/// transaction is rolled back, so that the next group can succeed. After any other error the
/// content of the disk is unknown.
fn failure(error: &rusqlite::Error) -> Failure {
    if has_no_room(error) || error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) {
        return Failure::Refused(unavailable(error));
    }
    // `Unavailable` even for a damaged database: `Unreadable` would mean that one record is
    // damaged, but here the others are unknown too.
    Failure::Broken(StoreError::Unavailable(error.to_string()))
}

/// Tells whether the disk is full. The log's index is a file that grows as well, so its error
/// counts too.
fn has_no_room(error: &rusqlite::Error) -> bool {
    let index_full = || {
        error.sqlite_error().is_some_and(|e| e.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE)
    };
    error.sqlite_error_code() == Some(ErrorCode::DiskFull) || index_full()
}

pub(super) fn token_secret(
    connection: &Connection,
    tenant: &TenantId,
    fresh: &[u8; 32],
) -> Result<[u8; 32], Fault> {
    connection.prepare_cached(KEEP_SECRET)?.execute((tenant.as_str(), fresh.to_row()))?;
    let mut statement = connection.prepare_cached(SECRET)?;
    let mut rows = statement.query([tenant.as_str()])?;
    let row = rows.next()?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    record(row, 0)
}

pub(super) fn observe(connection: &Connection, now: UnixMillis) -> Result<UnixMillis, Fault> {
    let mut statement = connection.prepare_cached(LATEST)?;
    let mut rows = statement.query([])?;
    let before = rows.next()?.map(|row| record(row, 0)).transpose()?.unwrap_or(now);
    connection.prepare_cached(PUT_LATEST)?.execute([before.max(now).to_row()])?;
    Ok(before)
}
