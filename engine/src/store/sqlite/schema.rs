//! Connections and tables. Every look-up of the [`Store`](crate::ports::Store) port has an index
//! here; tests check the query plans.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::Fault;
use crate::ports::store::StoreError;

/// First version without the WAL-reset race. Versions 3.7.0 to 3.51.2 could lose a write if two
/// connections met while the log was reset.
const SQLITE_VERSION_MIN: i32 = 3_051_003;
/// Version of the layout that this server writes. Versions 1 and 2 had a row for each action and
/// each challenge.
pub(super) const SCHEMA_VERSION: i64 = 3;
const STATEMENTS_CACHED: usize = 64;
/// Largest page cache of a connection in KiB. It holds all pages above the leaves of every index of
/// a million users, so that a look-up reads one page from the disk.
const CACHE_KIB_MAX: i64 = 16_384;
/// Time for which statements wait while a backup or a manual check holds the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

// Ids that come from callers are compared as bytes (BINARY, the default). `accounts` names users;
// the other tables name an account by its number. Data that a look-up needs is in columns with
// SQLite's own indexes, so that its integrity check finds an entry that does not fit.
//
// `accounts` has a row for every account that was ever committed, with `row` only while the account
// has a record. `removed` is 0 after a removal, and then the mark of a pruning.
//
// `hot` has one row for each account: version, counters, last use of each device, and the
// lifecycles under way, so that a commit rewrites this one row. `due` is the time at which the
// first open challenge expires, `held` the time of issue of the first that is held. `oldest` is the
// earliest time of an action or an ended challenge in the row, so that a pruning decodes only rows
// from which it takes something.
//
// `cases` has the lifecycles that are not under way. An id is the time of the end in milliseconds
// with a counter, so that rows are appended behind the last one and pruned from the first one.
// `name` holds 63 bits of a digest of the action's name.
//
// `clock` has two rows: the latest time, and the case up to which challenges are pruned. `audit` is
// not used yet.
pub(super) const TABLES: &str = "
CREATE TABLE accounts(
    id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, user_id TEXT NOT NULL,
    email TEXT, phone TEXT, username TEXT, removed INTEGER, row BLOB,
    UNIQUE(tenant, user_id)) STRICT;
CREATE INDEX accounts_email ON accounts(tenant, email COLLATE NOCASE, user_id)
    WHERE email IS NOT NULL;
CREATE INDEX accounts_phone ON accounts(tenant, phone, user_id) WHERE phone IS NOT NULL;
CREATE INDEX accounts_username ON accounts(tenant, username, user_id) WHERE username IS NOT NULL;
CREATE INDEX accounts_removed ON accounts(removed) WHERE removed IS NOT NULL;
CREATE TABLE devices(
    account INTEGER NOT NULL, id TEXT NOT NULL, thumbprint BLOB NOT NULL, row BLOB NOT NULL,
    PRIMARY KEY(account, id)) STRICT, WITHOUT ROWID;
CREATE INDEX devices_key ON devices(thumbprint);
CREATE TABLE hot(
    account INTEGER PRIMARY KEY, due INTEGER, held INTEGER, oldest INTEGER, row BLOB NOT NULL
    ) STRICT;
CREATE INDEX hot_due ON hot(due) WHERE due IS NOT NULL;
CREATE INDEX hot_held ON hot(held) WHERE held IS NOT NULL;
CREATE TABLE cases(
    id INTEGER PRIMARY KEY, account INTEGER NOT NULL, name INTEGER NOT NULL, row BLOB NOT NULL
    ) STRICT;
CREATE INDEX cases_name ON cases(account, name);
CREATE TABLE tickets(
    digest BLOB NOT NULL PRIMARY KEY, account INTEGER NOT NULL, ends_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
CREATE INDEX tickets_account ON tickets(account);
CREATE INDEX tickets_end ON tickets(ends_at);
CREATE TABLE events(
    tenant TEXT NOT NULL, user_id TEXT NOT NULL, id TEXT NOT NULL,
    due_at INTEGER NOT NULL, row BLOB NOT NULL,
    UNIQUE(tenant, user_id, id)) STRICT;
CREATE INDEX events_due ON events(due_at, id);
CREATE TABLE audit(
    chain INTEGER NOT NULL, number INTEGER NOT NULL, row BLOB NOT NULL,
    PRIMARY KEY(chain, number)) STRICT, WITHOUT ROWID;
CREATE TABLE secrets(tenant TEXT NOT NULL PRIMARY KEY, row BLOB NOT NULL) STRICT;
CREATE TABLE clock(id INTEGER PRIMARY KEY, row BLOB NOT NULL) STRICT;
CREATE TABLE meta(key TEXT NOT NULL PRIMARY KEY, value INTEGER NOT NULL) STRICT;
INSERT INTO meta VALUES('schema', 3);
";

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

pub(super) fn connect(path: &Path) -> Result<Connection, Fault> {
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
    }
    let found: i64 = transaction
        .query_row("SELECT value FROM meta WHERE key = 'schema'", [], |row| row.get(0))
        .map_err(|_| StoreError::Unreadable("the file is not one of this store".to_owned()))?;
    if found != SCHEMA_VERSION {
        let message = format!("the file has layout {found}, {SCHEMA_VERSION} is known");
        return Err(StoreError::Unreadable(message).into());
    }
    transaction.commit()?;
    Ok(())
}
