//! Index that finds the account of a ticket. The tickets themselves are in the account's row, so a
//! reader checks each index entry against that row. The index of a ticket expires with the ticket.

use countersign_core::account::AccountRecord;
use countersign_core::id::AccountKey;
use redis::Cmd;

use super::entry::{Entry, Kind, put};
use super::keys;

/// Adds commands that put the tickets of a record into their indexes. Each index expires after the
/// whole lifetime of its ticket, counted from now.
pub(super) fn entries(account: &AccountKey, record: &AccountRecord, commands: &mut Vec<Cmd>) {
    for ticket in &record.tickets {
        let index = keys::ticket(&ticket.digest);
        commands.push(put(&index, 0, &keys::account_name(account)));
        let life_ms = ticket.ends_at.0.saturating_sub(ticket.grant.issued_at.0);
        let mut expire = redis::cmd("PEXPIRE");
        // An expiry of zero would remove the index at once.
        expire.arg(&index).arg(life_ms.clamp(1, LIFE_MS_MAX));
        commands.push(expire);
    }
}

/// Longest expiry of an index, in milliseconds: one day. Redis refuses an expiry beyond its range
/// of dates. Tokens live for at most an hour.
const LIFE_MS_MAX: u64 = 86_400_000;

/// Returns the index entries of a record's tickets.
pub(super) fn entries_of_record(
    key: &AccountKey,
    record: &AccountRecord,
) -> impl Iterator<Item = Entry> {
    record.tickets.iter().map(|ticket| Entry {
        index: keys::ticket(&ticket.digest),
        member: keys::account_name(key),
        kind: Kind::Ticket(key.clone()),
    })
}
