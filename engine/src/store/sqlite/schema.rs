//! Connections and tables. Every look-up of the [`Store`](crate::ports::Store) port has an index
//! here; tests check the query plans.

use std::path::Path;
use std::time::Duration;

use countersign_core::action::Action;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::queries::record;
use super::{Fault, outbox, tickets};
use crate::ports::store::StoreError;
use crate::store::state_number;

/// First version without the WAL-reset race. Versions 3.7.0 to 3.51.2 could lose a write if two
/// connections met while the log was reset.
const SQLITE_VERSION_MIN: i32 = 3_051_003;
/// Version of the layout that this server writes: the first layout and all migrations after it.
const SCHEMA_VERSION: i64 = 2;
/// Version of the layout in [`TABLES`].
const SCHEMA_VERSION_FIRST: i64 = 1;
const STATEMENTS_CACHED: usize = 64;
/// Largest page cache of a connection in KiB. It holds all pages above the leaves of every index of
/// a million users, so that a look-up reads one page from the disk.
const CACHE_KIB_MAX: i64 = 16_384;
/// Time for which statements wait while a backup or a manual check holds the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

// Ids that come from callers are compared as bytes (BINARY, the default). Tables keep integer row
// ids, so that new rows are appended to a table, and only the indexes are written at random places.
pub(super) const TABLES: &str = "
CREATE TABLE accounts(
    tenant TEXT NOT NULL, user_id TEXT NOT NULL, revision INTEGER NOT NULL,
    email TEXT, phone TEXT, username TEXT, row BLOB,
    UNIQUE(tenant, user_id)) STRICT;
CREATE INDEX accounts_email ON accounts(tenant, email, user_id) WHERE email IS NOT NULL;
CREATE INDEX accounts_phone ON accounts(tenant, phone, user_id) WHERE phone IS NOT NULL;
CREATE INDEX accounts_username ON accounts(tenant, username, user_id) WHERE username IS NOT NULL;
CREATE TABLE devices(
    tenant TEXT NOT NULL, user_id TEXT NOT NULL, id TEXT NOT NULL,
    thumbprint BLOB NOT NULL, row BLOB NOT NULL,
    UNIQUE(tenant, user_id, id)) STRICT;
CREATE INDEX devices_key ON devices(tenant, thumbprint);
CREATE TABLE actions(
    tenant TEXT NOT NULL, user_id TEXT NOT NULL, code TEXT NOT NULL, idempotency_key TEXT NOT NULL,
    created_at INTEGER NOT NULL, row BLOB NOT NULL,
    UNIQUE(tenant, user_id, code, idempotency_key)) STRICT;
CREATE INDEX actions_newest ON actions(tenant, user_id, created_at);
CREATE INDEX actions_created ON actions(created_at);
CREATE TABLE challenges(
    tenant TEXT NOT NULL, id TEXT NOT NULL, user_id TEXT NOT NULL,
    issued_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, held INTEGER NOT NULL,
    ended_at INTEGER, row BLOB NOT NULL,
    UNIQUE(tenant, id)) STRICT;
CREATE INDEX challenges_open ON challenges(tenant, user_id) WHERE ended_at IS NULL;
CREATE INDEX challenges_due ON challenges(expires_at, id) WHERE ended_at IS NULL;
CREATE INDEX challenges_held ON challenges(expires_at, id, issued_at)
    WHERE ended_at IS NULL AND held = 1;
CREATE INDEX challenges_ended ON challenges(ended_at) WHERE ended_at IS NOT NULL;
CREATE TABLE secrets(tenant TEXT NOT NULL PRIMARY KEY, row BLOB NOT NULL) STRICT;
CREATE TABLE meta(key TEXT NOT NULL PRIMARY KEY, value INTEGER NOT NULL) STRICT;
";

/// Migration from the first layout to the second. It lists actions by state, and remembers removed
/// accounts (`removed` is 0, or the mark of a pruning).
const TO_SECOND: &str = "
ALTER TABLE accounts ADD COLUMN removed INTEGER;
CREATE INDEX accounts_removed ON accounts(removed) WHERE removed IS NOT NULL;
ALTER TABLE actions ADD COLUMN state INTEGER NOT NULL DEFAULT 0;
DROP INDEX actions_newest;
CREATE INDEX actions_state ON actions(tenant, user_id, state, created_at);
CREATE INDEX actions_code ON actions(tenant, user_id, code, state, created_at);
";
/// Migration to an index that finds e-mail addresses in any case of their ASCII letters. It
/// replaces the index of older files, which distinguishes case, and covers every row.
const FOLDED_EMAILS: &str = "
CREATE INDEX IF NOT EXISTS accounts_email_nocase
    ON accounts(tenant, email COLLATE NOCASE, user_id) WHERE email IS NOT NULL;
DROP INDEX IF EXISTS accounts_email;
";
const ACTIONS: &str = "SELECT rowid, row FROM actions";
const SET_STATE: &str = "UPDATE actions SET state = ?2 WHERE rowid = ?1";

/// Opens the writer's connection, and creates or migrates the tables.
pub(super) fn open_writer(path: &Path) -> Result<Connection, StoreError> {
    let version = rusqlite::version_number();
    if version < SQLITE_VERSION_MIN {
        let message = format!("SQLite {} is too old: 3.51.3 is needed", rusqlite::version());
        return Err(StoreError::Unavailable(message));
    }
    let mut connection = connect(path)?;
    prepare_writer(&mut connection)?;
    Ok(connection)
}

/// Opens a connection that cannot write.
pub(super) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let connection = connect(path)?;
    connection.pragma_update(None, "query_only", true).map_err(Fault::Sql)?;
    Ok(connection)
}

fn connect(path: &Path) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    // Only the writer runs checkpoints, because it handles their errors. SQLite's automatic
    // checkpoint, and the one at closing, ignore a failed sync, and would retry it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB_MAX)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "locking_mode", "NORMAL")?;
    Ok(connection)
}

fn prepare_writer(connection: &mut Connection) -> Result<(), Fault> {
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let synchronous: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0))?;
    if mode != "wal" || synchronous != 2 {
        let message = format!("journal mode {mode}, synchronous {synchronous}: need wal and 2");
        return Err(StoreError::Unavailable(message).into());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let tables: i64 =
        transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables == 0 {
        transaction.execute_batch(TABLES)?;
        transaction.execute("INSERT INTO meta VALUES('schema', ?1)", [SCHEMA_VERSION_FIRST])?;
    }
    let found: i64 = transaction
        .query_row("SELECT value FROM meta WHERE key = 'schema'", [], |row| row.get(0))
        .map_err(|_| StoreError::Unreadable("the file is not one of this store".to_owned()))?;
    if found == SCHEMA_VERSION_FIRST {
        to_second(&transaction)?;
    } else if found != SCHEMA_VERSION {
        let message = format!("the file has layout {found}, {SCHEMA_VERSION} is known");
        return Err(StoreError::Unreadable(message).into());
    }
    transaction.execute_batch(outbox::TABLE)?;
    transaction.execute_batch(tickets::TABLE)?;
    transaction.execute_batch(FOLDED_EMAILS)?;
    // Older files of the second layout lack this table.
    transaction.execute_batch(
        "CREATE TABLE IF NOT EXISTS clock(id INTEGER PRIMARY KEY, row BLOB NOT NULL) STRICT",
    )?;
    transaction.commit()?;
    Ok(())
}

fn to_second(connection: &Connection) -> Result<(), Fault> {
    connection.execute_batch(TO_SECOND)?;
    let mut actions = connection.prepare(ACTIONS)?;
    let mut rows = actions.query([])?;
    while let Some(row) = rows.next()? {
        let rowid: i64 = row.get(0)?;
        match record::<Action>(row, 1) {
            Ok(action) => {
                let state = state_number(action.state);
                connection.prepare_cached(SET_STATE)?.execute((rowid, state))?;
            }
            // A damaged action is not listed. A caller that reads it by its key gets an error.
            Err(Fault::Row(error)) => tracing::error!(%error, "an action is passed over"),
            Err(fault @ Fault::Sql(_)) => return Err(fault),
        }
    }
    connection.execute("UPDATE meta SET value = ?1 WHERE key = 'schema'", [SCHEMA_VERSION])?;
    Ok(())
}
