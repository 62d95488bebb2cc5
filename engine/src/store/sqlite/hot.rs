//! Rows of the accounts' hot states.

use countersign_core::id::AccountKey;
use countersign_core::time::UnixMillis;
use rusqlite::Connection;

use super::sql_int;
use crate::store::lifecycle::Hot;
use crate::store::record;

const ADD: &str = "INSERT INTO hot(account, due, held, oldest, row) VALUES(?1, ?2, ?3, ?4, ?5)";
/// SQLite writes an index again if its column is among those to be set, even to the same value. So
/// there is a statement for each pair of indexes.
pub(super) const PUT: &str = "UPDATE hot SET oldest = ?4, row = ?5 WHERE account = ?1";
pub(super) const PUT_DUE: &str =
    "UPDATE hot SET due = ?2, oldest = ?4, row = ?5 WHERE account = ?1";
pub(super) const PUT_HELD: &str =
    "UPDATE hot SET held = ?3, oldest = ?4, row = ?5 WHERE account = ?1";
const PUT_BOTH: &str =
    "UPDATE hot SET due = ?2, held = ?3, oldest = ?4, row = ?5 WHERE account = ?1";

/// Every statement of this file, for the test that checks query plans.
#[cfg(test)]
pub(super) const STATEMENTS: [&str; 5] = [ADD, PUT, PUT_DUE, PUT_HELD, PUT_BOTH];

/// Times in a row that have an index.
#[derive(PartialEq, Eq)]
pub(super) struct Times {
    due: Option<i64>,
    held: Option<i64>,
}

impl Times {
    pub(super) fn of(hot: &Hot) -> Self {
        Self { due: column(hot.due()), held: column(hot.held()) }
    }
}

/// Converts a time for its column.
pub(super) fn column(time: Option<UnixMillis>) -> Option<i64> {
    time.map(|time| sql_int(time.0))
}

/// Writes the hot state of an account. `before` are the times in its row, none if it has no row.
/// Returns the number of bytes of the row.
pub(super) fn put(
    connection: &Connection,
    account: i64,
    owner: &AccountKey,
    hot: &Hot,
    before: Option<&Times>,
) -> rusqlite::Result<usize> {
    let Times { due, held } = Times::of(hot);
    let sql = match before.map(|before| (before.due == due, before.held == held)) {
        None => ADD,
        Some((true, true)) => PUT,
        Some((false, true)) => PUT_DUE,
        Some((true, false)) => PUT_HELD,
        Some((false, false)) => PUT_BOTH,
    };
    let row = record::hot::seal(owner, hot);
    let mut statement = connection.prepare_cached(sql)?;
    statement.execute((account, due, held, column(hot.oldest()), &row))?;
    Ok(row.len())
}
