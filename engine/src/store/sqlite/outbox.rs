//! The outbox: events that are not delivered yet.

use countersign_core::event::Event;
use countersign_core::id::{AccountKey, EventId};
use countersign_core::time::UnixMillis;
use rusqlite::Connection;

use super::queries::{collect_intact, record};
use super::{Fault, sql_int};
use crate::store::failures::Failures;
use crate::store::record::Stored as _;

pub(super) const DUE_EVENTS: &str = "SELECT row FROM events WHERE due_at <= ?1 ORDER BY due_at, id";
pub(super) const PUT: &str =
    "INSERT INTO events(tenant, user_id, id, due_at, row) VALUES(?1, ?2, ?3, ?4, ?5)
     ON CONFLICT(tenant, user_id, id) DO UPDATE SET due_at = excluded.due_at, row = excluded.row";
pub(super) const PUT_OFF: &str = "UPDATE events SET due_at = ?4, row = ?5
     WHERE tenant = ?1 AND user_id = ?2 AND id = ?3";
pub(super) const REMOVE: &str = "DELETE FROM events WHERE tenant = ?1 AND user_id = ?2 AND id = ?3";

/// Writes an event with `sql`: [`PUT`] always writes it, [`PUT_OFF`] only if the event exists.
pub(super) fn write(connection: &Connection, sql: &str, event: &Event) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute((
        event.account.tenant.as_str(),
        event.account.user.as_str(),
        event.id.as_str(),
        sql_int(event.due_at.0),
        event.to_row(),
    ))?;
    Ok(())
}

pub(super) fn remove(
    connection: &Connection,
    account: &AccountKey,
    id: &EventId,
) -> rusqlite::Result<()> {
    let params = (account.tenant.as_str(), account.user.as_str(), id.as_str());
    connection.prepare_cached(REMOVE)?.execute(params)?;
    Ok(())
}

pub(super) fn due(
    connection: &Connection,
    now: UnixMillis,
    limit: usize,
    failures: &Failures,
) -> Result<Vec<Event>, Fault> {
    let params = [sql_int(now.0)];
    collect_intact(connection, DUE_EVENTS, params, limit, failures, |row| Ok(vec![record(row, 0)?]))
}
