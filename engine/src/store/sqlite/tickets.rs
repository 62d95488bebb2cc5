//! Index that finds the account of a ticket. The tickets themselves are in the account's row, so a
//! reader checks each index entry against that row. An entry without a ticket does no harm.

use countersign_core::account::AccountRecord;
use countersign_core::id::{AccountKey, TenantId, UserId};
use countersign_core::statement::Digest;
use countersign_core::time::UnixMillis;
use rusqlite::{Connection, OptionalExtension as _};

use super::queries::account_row;
use super::{Fault, sql_int};
use crate::ports::store::StoreError;

/// The table is also added to files of older servers. They ignore it, and can still use the file.
pub(super) const TABLE: &str = "
CREATE TABLE IF NOT EXISTS tickets(
    digest BLOB NOT NULL UNIQUE, tenant TEXT NOT NULL, user_id TEXT NOT NULL,
    ends_at INTEGER NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS tickets_account ON tickets(tenant, user_id);
CREATE INDEX IF NOT EXISTS tickets_end ON tickets(ends_at);
";

pub(super) const ACCOUNT_OF: &str = "SELECT tenant, user_id FROM tickets WHERE digest = ?1";
pub(super) const PUT: &str =
    "INSERT INTO tickets(digest, tenant, user_id, ends_at) VALUES(?1, ?2, ?3, ?4)
     ON CONFLICT(digest) DO UPDATE SET tenant = excluded.tenant, user_id = excluded.user_id,
     ends_at = excluded.ends_at";
pub(super) const FORGET: &str = "DELETE FROM tickets WHERE tenant = ?1 AND user_id = ?2";
pub(super) const PRUNE: &str = "DELETE FROM tickets WHERE rowid IN
     (SELECT rowid FROM tickets WHERE ends_at < ?1 ORDER BY ends_at LIMIT ?2)";

/// Replaces the index entries of an account by those of this record's tickets.
pub(super) fn replace(
    connection: &Connection,
    account: &AccountKey,
    record: &AccountRecord,
) -> rusqlite::Result<()> {
    forget(connection, account)?;
    let (tenant, user) = (account.tenant.as_str(), account.user.as_str());
    for ticket in &record.tickets {
        let ends_at = sql_int(ticket.ends_at.0);
        let params = (ticket.digest.as_bytes(), tenant, user, ends_at);
        connection.prepare_cached(PUT)?.execute(params)?;
    }
    Ok(())
}

/// Removes the index entries of an account.
pub(super) fn forget(connection: &Connection, account: &AccountKey) -> rusqlite::Result<()> {
    let params = (account.tenant.as_str(), account.user.as_str());
    connection.prepare_cached(FORGET)?.execute(params)?;
    Ok(())
}

/// Removes the entries of tickets that ended before this time. Returns their number.
pub(super) fn prune(
    connection: &Connection,
    before: UnixMillis,
    limit: u32,
) -> rusqlite::Result<usize> {
    connection.prepare_cached(PRUNE)?.execute((sql_int(before.0), limit))
}

pub(super) fn account_of(
    connection: &Connection,
    ticket: &Digest,
) -> Result<Option<AccountKey>, Fault> {
    // One transaction, so that both reads see the same state.
    let transaction = connection.unchecked_transaction()?;
    let mut statement = transaction.prepare_cached(ACCOUNT_OF)?;
    let named = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let named: Option<(String, String)> =
        statement.query_row([ticket.as_bytes()], named).optional()?;
    let Some((tenant, user)) = named else { return Ok(None) };
    let (_, record) = account_row(&transaction, (&tenant, &user))?;
    let is_there = record.is_some_and(|r| r.tickets.iter().any(|t| t.digest == *ticket));
    let unnamed = || StoreError::Unreadable("a ticket names no account".to_owned());
    let tenant = TenantId::parse(&tenant).map_err(|_| unnamed())?;
    let user = UserId::parse(&user).map_err(|_| unnamed())?;
    Ok(is_there.then_some(AccountKey { tenant, user }))
}
