//! SQLite files of older layouts, made by the program that wrote them (`layouts/make.py`).

use std::path::Path;

use countersign_engine::ports::store::Record;
use countersign_engine::store::stream::Reader;
use rusqlite::Connection;
use rusqlite::config::DbConfig;

const LAYOUT_2: &str = include_str!("../layouts/layout-2.sql");
/// The export of the program that wrote the file.
pub const EXPORT: &[u8] = include_bytes!("../layouts/layout-2.records");

/// Takes from a file of layout 2 everything that files of layout 1 lacked.
const TO_FIRST: &str = "
    DROP INDEX accounts_removed;
    ALTER TABLE accounts DROP COLUMN removed;
    DROP INDEX actions_state;
    DROP INDEX actions_code;
    ALTER TABLE actions DROP COLUMN state;
    CREATE INDEX actions_newest ON actions(tenant, user_id, created_at);
    DROP INDEX accounts_email_nocase;
    CREATE INDEX accounts_email ON accounts(tenant, email, user_id) WHERE email IS NOT NULL;
    DROP TABLE events;
    DROP TABLE tickets;
    DROP TABLE clock;
    UPDATE meta SET value = 1 WHERE key = 'schema';
";

/// Writes a file of layout 2 as a killed server leaves it, with its records in the log.
pub fn write(path: &Path) {
    make(path, "");
}

/// Returns the statements that make an empty file of layout 2.
pub fn tables() -> String {
    let is_row = |line: &&str| line.starts_with("INSERT INTO ") && !line.contains("INTO meta");
    LAYOUT_2.lines().filter(|line| !is_row(line)).collect::<Vec<_>>().join("\n")
}

/// Writes a file of layout 1, which has no events and no clock.
pub fn write_first(path: &Path) {
    make(path, TO_FIRST);
}

fn make(path: &Path, then: &str) {
    let connection = Connection::open(path).unwrap();
    connection.pragma_update(None, "journal_mode", "WAL").unwrap();
    connection.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).unwrap();
    connection.execute_batch(LAYOUT_2).unwrap();
    connection.execute_batch(then).unwrap();
}

/// Reads a file, as another program might, until the result is dropped.
pub fn read(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection.execute_batch("BEGIN; SELECT count(*) FROM actions").unwrap();
    connection
}

/// Returns the records of the file, from its export.
pub fn records() -> Vec<Record> {
    records_of(EXPORT)
}

/// Returns the records of an export.
pub fn records_of(export: &[u8]) -> Vec<Record> {
    let mut reader = Reader::new(export).unwrap();
    std::iter::from_fn(|| reader.read().unwrap()).collect()
}

/// Checks that both lists have the same records, in any order.
pub fn assert_same(found: Vec<Record>, mut expected: Vec<Record>) {
    for record in found {
        let place = expected.iter().position(|expected| *expected == record);
        let place = place.unwrap_or_else(|| panic!("more than was there: {record:?}"));
        expected.swap_remove(place);
    }
    assert!(expected.is_empty(), "lost: {expected:?}");
}
