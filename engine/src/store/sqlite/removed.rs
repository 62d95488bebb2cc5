//! Remains of a removed user: the revision is kept for a while, so that a commit made for the user
//! before never fits a user who is made anew.
//!
//! A removal has no time of its own. The first pruning after it marks the row with a time that was
//! over by then, and a later one takes the row out when that time lies [`REMOVED_KEPT_MS`] back.

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

/// Leaves nothing of an account but its revision.
pub(super) fn put(
    connection: &Connection,
    account: &AccountKey,
    revision: i64,
) -> rusqlite::Result<()> {
    let params = (account.tenant.as_str(), account.user.as_str(), revision);
    connection.prepare_cached(PUT)?.execute(params)?;
    Ok(())
}

/// Forgets accounts that were removed long ago; answers how many went.
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
