//! The index of tickets: whose each is. The account's own row holds the tickets themselves, so an
//! entry is compared with it. The index of a ticket expires as the ticket does.

use countersign_core::account::AccountRecord;
use countersign_core::id::AccountKey;
use redis::Cmd;

use super::entry::{Entry, Kind, put};
use super::keys;

/// Puts the tickets of a record into their indexes, each for as long as a ticket like it can live.
pub(super) fn entries(account: &AccountKey, record: &AccountRecord, commands: &mut Vec<Cmd>) {
    for ticket in &record.tickets {
        let index = keys::ticket(&ticket.digest);
        commands.push(put(&index, 0, &keys::account_name(account)));
        let life_ms = ticket.ends_at.0.saturating_sub(ticket.grant.issued_at.0);
        let mut expire = redis::cmd("PEXPIRE");
        // Zero would take the index out before its record is there.
        expire.arg(&index).arg(life_ms.clamp(1, LIFE_MS_MAX));
        commands.push(expire);
    }
}

/// The longest that Redis is told to keep an entry, in milliseconds: a day. It refuses an expiry
/// whose date it cannot count, and tokens live for an hour at most.
const LIFE_MS_MAX: u64 = 86_400_000;

/// The indexes in which the tickets of a record stood, each with its entry.
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
