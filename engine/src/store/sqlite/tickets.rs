//! Index that finds the account of a ticket. The tickets themselves are in the account's row, so a
//! reader checks each index entry against that row. An entry without a ticket does no harm.

use countersign_core::account::AccountRecord;
use countersign_core::id::AccountKey;
use countersign_core::statement::Digest;
use countersign_core::ticket::Ticket;
use rusqlite::Connection;

use super::queries::{optional, owner};
use super::{Fault, sql_int};

pub(super) const ACCOUNT_OF: &str = "SELECT tenant, user_id, row
     FROM tickets CROSS JOIN accounts ON accounts.id = tickets.account WHERE digest = ?1";
pub(super) const PUT: &str =
    "INSERT OR REPLACE INTO tickets(digest, account, ends_at) VALUES(?1, ?2, ?3)";
pub(super) const FORGET: &str = "DELETE FROM tickets WHERE account = ?1";
pub(super) const PRUNE: &str = "DELETE FROM tickets WHERE digest IN
     (SELECT digest FROM tickets WHERE ends_at < ?1 ORDER BY ends_at LIMIT ?2)";

/// Replaces the index entries of an account by those of these tickets.
pub(super) fn replace(
    connection: &Connection,
    account: i64,
    tickets: &[Ticket],
) -> rusqlite::Result<()> {
    connection.prepare_cached(FORGET)?.execute([account])?;
    for ticket in tickets {
        let params = (ticket.digest.as_bytes(), account, sql_int(ticket.ends_at.0));
        connection.prepare_cached(PUT)?.execute(params)?;
    }
    Ok(())
}

pub(super) fn account_of(
    connection: &Connection,
    ticket: &Digest,
) -> Result<Option<AccountKey>, Fault> {
    let mut statement = connection.prepare_cached(ACCOUNT_OF)?;
    let mut rows = statement.query([ticket.as_bytes()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let (key, record): (_, Option<AccountRecord>) = (owner(row, 0, 1)?, optional(row, 2)?);
    let is_there = record.is_some_and(|r| r.tickets.iter().any(|t| t.digest == *ticket));
    Ok(is_there.then_some(key))
}
