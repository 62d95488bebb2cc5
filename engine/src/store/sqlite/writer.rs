//! The only connection that writes. Each group of units is one transaction.

use std::sync::Arc;

use countersign_core::id::TenantId;
use countersign_core::time::UnixMillis;
use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use super::files::{self, Files};
use super::queries::record;
use super::{Fault, removed, schema, sql_int, tickets, unavailable};
use crate::ports::store::StoreError;
use crate::store::commit_queue::unit::Unit;
use crate::store::commit_queue::{Backend, Failure};
use crate::store::record::Stored;

/// Largest number of rows that one unit of pruning deletes.
pub(super) const PRUNE_ROWS_MAX: u32 = 500;
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
const PRUNE_ACTIONS: &str = "DELETE FROM actions WHERE rowid IN
     (SELECT rowid FROM actions WHERE created_at < ?1 ORDER BY created_at LIMIT ?2)";
const PRUNE_CHALLENGES: &str = "DELETE FROM challenges WHERE rowid IN
     (SELECT rowid FROM challenges WHERE ended_at < ?1 ORDER BY ended_at LIMIT ?2)";

/// Every statement of this file, for the test that checks query plans.
#[cfg(test)]
pub(super) const STATEMENTS: [&str; 12] = [
    removed::MARK,
    removed::PRUNE,
    KEEP_SECRET,
    SECRET,
    LATEST,
    PUT_LATEST,
    PRUNE_ACTIONS,
    PRUNE_CHALLENGES,
    super::outbox::PUT,
    super::outbox::PUT_OFF,
    super::outbox::REMOVE,
    tickets::PRUNE,
];

/// The writing connection. The files stay locked until it is closed.
pub(super) struct WritingConnection {
    connection: Connection,
    since_checkpoint: usize,
    // Fields are dropped in order, so that the lock is released after the connection is closed.
    files: Arc<Files>,
}

impl WritingConnection {
    pub(super) fn open(files: Arc<Files>) -> Result<Self, StoreError> {
        let connection = schema::open_writer(&files.path)?;
        Ok(Self { connection, since_checkpoint: 0, files })
    }

    #[cfg(test)]
    pub(super) const fn connection(&self) -> &Connection {
        &self.connection
    }

    fn checkpoint(&self, mode: &str) -> rusqlite::Result<()> {
        let sql = format!("PRAGMA wal_checkpoint({mode})");
        // A reader can keep a checkpoint from copying all pages. That is not an error.
        self.connection.query_row(&sql, [], |_| Ok(()))
    }
}

impl Backend for WritingConnection {
    type Medium = Connection;

    fn record(&mut self, units: &mut [Unit<Connection>]) -> Result<(), Failure> {
        self.since_checkpoint += units.len();
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|e| failure(&e))?;
        units.iter_mut().try_for_each(|unit| unit.run(&transaction))?;
        transaction.commit().map_err(|e| failure(&e))
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
        self.connection.close().map_err(|(_, error)| unavailable(&error))
    }
}

/// Converts work into a unit of a group.
pub(super) fn in_group<T>(
    mut work: impl FnMut(&Connection) -> Result<T, Fault>,
) -> impl FnMut(&Connection) -> Result<Result<T, StoreError>, Failure> {
    move |connection| match work(connection) {
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

pub(super) fn prune(
    connection: &Connection,
    actions_before: UnixMillis,
    challenges_before: UnixMillis,
) -> Result<u32, Fault> {
    let mut gone = 0;
    for (sql, before) in [(PRUNE_ACTIONS, actions_before), (PRUNE_CHALLENGES, challenges_before)] {
        let params = (sql_int(before.0), PRUNE_ROWS_MAX - gone);
        let rows = connection.prepare_cached(sql)?.execute(params)?;
        gone += u32::try_from(rows).expect("it takes no more than it is told");
    }
    for prune in [tickets::prune, removed::prune] {
        let rows = prune(connection, challenges_before, PRUNE_ROWS_MAX - gone)?;
        gone += u32::try_from(rows).expect("it takes no more than it is told");
    }
    Ok(gone)
}
