//! Removed users. Their revision is kept for a while, so that a late commit for a removed user does
//! not match a new user with the same id.
//!
//! A removal records no time. The first pruning after the removal marks the row with a time in the
//! past. A later pruning deletes the row once that mark is older than [`REMOVED_KEPT_MS`].

use countersign_core::id::AccountKey;
use countersign_core::time::UnixMillis;
use rusqlite::Connection;

use super::sql_int;
use crate::store::REMOVED_KEPT_MS;

pub(super) const PUT: &str =
    "INSERT INTO accounts(tenant, user_id, revision, removed) VALUES(?1, ?2, ?3, 0)
     ON CONFLICT(tenant, user_id) DO UPDATE SET revision = excluded.revision, email = NULL,
     phone = NULL, username = NULL, row = NULL, removed = 0";
pub(super) const MARK: &str = "UPDATE accounts SET removed = ?1 WHERE rowid IN
     (SELECT rowid FROM accounts WHERE removed = 0 LIMIT ?2)";
pub(super) const PRUNE: &str = "DELETE FROM accounts WHERE rowid IN
     (SELECT rowid FROM accounts WHERE removed BETWEEN 1 AND ?1 ORDER BY removed LIMIT ?2)";

/// Clears the row of an account except its revision.
pub(super) fn put(
    connection: &Connection,
    account: &AccountKey,
    revision: i64,
) -> rusqlite::Result<()> {
    let params = (account.tenant.as_str(), account.user.as_str(), revision);
    connection.prepare_cached(PUT)?.execute(params)?;
    Ok(())
}

/// Deletes the rows of accounts that were removed long ago, and marks rows that have no mark yet.
/// Returns the number of deleted rows.
pub(super) fn prune(
    connection: &Connection,
    over: UnixMillis,
    limit: u32,
) -> rusqlite::Result<usize> {
    let before = sql_int(over.0.saturating_sub(REMOVED_KEPT_MS));
    let gone = connection.prepare_cached(PRUNE)?.execute((before, limit))?;
    connection.prepare_cached(MARK)?.execute((sql_int(over.0.max(1)), limit))?;
    Ok(gone)
}
