//! Connections and tables. Every look-up of the port has an index here; the tests ask the planner.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::Fault;
use crate::ports::store::StoreError;

/// 3.7.0 to 3.51.2 could lose a write when two connections met at a reset of the log (WAL-reset
/// race).
const SQLITE_VERSION_MIN: i32 = 3_051_003;
/// The layout of the tables below.
const SCHEMA_VERSION: i64 = 1;
const STATEMENTS_CACHED: usize = 64;
/// How long a backup or a check by hand may hold the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

// Ids that callers give us are compared as bytes (BINARY, the default). Tables keep integer row
// ids: new rows go to the end of a table, and only the indexes are written at random.
const TABLES: &str = "
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
";

/// The writer's connection, with the tables made.
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

/// A connection that cannot write.
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
    // Checkpoints are the writer's alone, which looks at their errors; SQLite's automatic one and
    // the one at closing ignore a sync that failed, and would try it again.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "mmap_size", 0)?;
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
        transaction.execute_batch(
            "CREATE TABLE meta(key TEXT NOT NULL PRIMARY KEY, value INTEGER NOT NULL) STRICT",
        )?;
        transaction.execute("INSERT INTO meta VALUES('schema', ?1)", [SCHEMA_VERSION])?;
    }
    let found: i64 = transaction
        .query_row("SELECT value FROM meta WHERE key = 'schema'", [], |row| row.get(0))
        .map_err(|_| StoreError::Unreadable("the file is not one of this store".to_owned()))?;
    if found != SCHEMA_VERSION {
        let message = format!("the file has layout {found}, {SCHEMA_VERSION} is known");
        return Err(StoreError::Unreadable(message).into());
    }
    // Files of this layout that were made before it have no such table.
    transaction.execute_batch(
        "CREATE TABLE IF NOT EXISTS clock(id INTEGER PRIMARY KEY, row BLOB NOT NULL) STRICT",
    )?;
    transaction.commit()?;
    Ok(())
}
