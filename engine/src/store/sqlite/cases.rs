//! Rows of lifecycles that are not under way.

use countersign_core::id::{AccountKey, ActionKey};
use countersign_core::time::UnixMillis;
use rusqlite::{Connection, Params};

use super::queries::{self, blob};
use super::{Fault, sql_int};
use crate::store::failures::Failures;
pub(super) use crate::store::lifecycle::Found;
use crate::store::lifecycle::{Lifecycle, Moved, digest};

/// Bits of an id below its time. They hold a counter.
const COUNTER_BITS: u32 = 21;
/// Last time of an id, in the year 2108. A later one is replaced by it. The ids of the half year
/// after it are left for carries.
const TIME_MAX: i64 = (1 << (63 - COUNTER_BITS)) - (1 << 34);
/// Number of ids of one time.
const COUNTER_END: i64 = 1 << COUNTER_BITS;

/// Number of the mark's row beside the latest time. See [`pruned`].
pub(super) const MARK_ID: i64 = 2;

pub(super) const PUT: &str =
    "INSERT OR IGNORE INTO cases(id, account, name, row) VALUES(?1, ?2, ?3, ?4)";
pub(super) const CHANGE: &str = "UPDATE cases SET row = ?2 WHERE id = ?1";
pub(super) const REMOVE: &str = "DELETE FROM cases WHERE id = ?1";
pub(super) const OF_NAME: &str = "SELECT id, row FROM cases WHERE account = ?1 AND name = ?2";
const ALL: &str = "SELECT id, row FROM cases WHERE account = ?1";
pub(super) const OF_ACCOUNT: &str = "SELECT id FROM cases WHERE account = ?1";
const OF_ID: &str = "SELECT id, row FROM cases WHERE id = ?1 AND account = ?2";

/// Last id before an id.
const LAST: &str = "SELECT coalesce(max(id), 0) FROM cases WHERE id < ?1";

const MARK: &str = "SELECT row FROM clock WHERE id = ?1";

/// Every statement of this file, for the test that checks query plans.
#[cfg(test)]
pub(super) const STATEMENTS: [&str; 8] =
    [PUT, CHANGE, REMOVE, OF_NAME, ALL, OF_ACCOUNT, OF_ID, LAST];

/// Returns the first id of a time.
pub(super) fn id_at(time: UnixMillis) -> i64 {
    sql_int(time.0).min(TIME_MAX) << COUNTER_BITS
}

/// Returns the time of an id.
pub(super) const fn time_of(id: i64) -> i64 {
    id >> COUNTER_BITS
}

/// Tells whether the case of this id ended before a time.
pub(super) fn is_before(id: i64, time: UnixMillis) -> bool {
    id < id_at(time)
}

/// Source of ids for new cases.
pub(super) struct CaseIds {
    last: i64,
    /// The last case whose challenges were pruned. A new case comes after it, so that its
    /// challenges are pruned too.
    pub(super) pruned: i64,
}

impl CaseIds {
    /// Makes the source of ids for a file whose last case is `last`.
    pub(super) const fn after(last: i64, pruned: i64) -> Self {
        Self { last, pruned }
    }

    pub(super) fn at_open(connection: &Connection) -> Result<Self, Fault> {
        Ok(Self::after(last_before(connection, i64::MAX)?, pruned(connection)?))
    }

    /// Returns the next id of a time. When the counter is at its end, it is carried into the time.
    fn next(&self, end: UnixMillis) -> i64 {
        let after_pruned = (self.pruned > 0).then(|| (time_of(self.pruned) + 1) << COUNTER_BITS);
        let first = id_at(end).max(after_pruned.unwrap_or(0));
        first + self.last % COUNTER_END + 1
    }
}

fn last_before(connection: &Connection, id: i64) -> rusqlite::Result<i64> {
    connection.prepare_cached(LAST)?.query_row([id], |row| row.get(0))
}

/// Writes the effects of a change on the cases of an account.
pub(super) fn record(
    connection: &Connection,
    ids: &mut CaseIds,
    account: i64,
    moved: &Moved,
) -> rusqlite::Result<()> {
    for id in &moved.gone {
        connection.prepare_cached(REMOVE)?.execute([id])?;
    }
    for Found { id, lifecycle } in &moved.changed {
        if time_of(*id) == time_of(id_at(lifecycle.end())) {
            connection.prepare_cached(CHANGE)?.execute((id, lifecycle.to_bytes()))?;
        } else {
            connection.prepare_cached(REMOVE)?.execute([id])?;
            put(connection, ids, account, lifecycle)?;
        }
    }
    moved.ended.iter().try_for_each(|lifecycle| put(connection, ids, account, lifecycle))
}

fn put(
    connection: &Connection,
    ids: &mut CaseIds,
    account: i64,
    lifecycle: &Lifecycle,
) -> rusqlite::Result<()> {
    let (name, row) = (digest(&lifecycle.key), lifecycle.to_bytes());
    let mut statement = connection.prepare_cached(PUT)?;
    let mut id = ids.next(lifecycle.end());
    // An id is taken if the clock is set back, or the counter comes round within a millisecond. The
    // search goes on behind the last id of its time, which may be the next time.
    while statement.execute((id, account, name, &row))? == 0 {
        id = last_before(connection, (time_of(id) + 1) << COUNTER_BITS)? + 1;
    }
    ids.last = id;
    Ok(())
}

/// Reads the cases of an action's name, and those of names with the same digest.
pub(super) fn of_name(
    connection: &Connection,
    account: i64,
    owner: &AccountKey,
    key: &ActionKey,
) -> Result<Vec<Found>, Fault> {
    read(connection, OF_NAME, (account, digest(key)), owner)
}

/// Reads every case of an account. Returns the intact ones, and the ids of the damaged ones.
pub(super) fn all(
    connection: &Connection,
    account: i64,
    owner: &AccountKey,
    failures: &Failures,
) -> Result<(Vec<Found>, Vec<i64>), Fault> {
    let mut statement = connection.prepare_cached(ALL)?;
    let mut rows = statement.query([account])?;
    let (mut cases, mut damaged) = (Vec::new(), Vec::new());
    while let Some(row) = rows.next()? {
        match queries::intact(found(row, owner), failures)? {
            Some(case) => cases.push(case),
            None => damaged.push(row.get(0)?),
        }
    }
    Ok((cases, damaged))
}

/// Reads one case of an account.
pub(super) fn of_id(
    connection: &Connection,
    account: i64,
    owner: &AccountKey,
    id: i64,
) -> Result<Option<Found>, Fault> {
    Ok(read(connection, OF_ID, [id, account], owner)?.pop())
}

fn read(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    owner: &AccountKey,
) -> Result<Vec<Found>, Fault> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut cases = Vec::new();
    while let Some(row) = rows.next()? {
        cases.push(found(row, owner)?);
    }
    Ok(cases)
}

/// Returns the ids of an account's cases, latest first.
pub(super) fn ids_of(connection: &Connection, account: i64) -> Result<Vec<i64>, Fault> {
    let mut statement = connection.prepare_cached(OF_ACCOUNT)?;
    let ids = statement.query_map([account], |row| row.get(0))?;
    let mut ids = ids.collect::<Result<Vec<i64>, _>>()?;
    ids.sort_unstable_by(|a, b| b.cmp(a));
    Ok(ids)
}

/// Returns the last case from which challenges were cut; 0 if there is none.
pub(super) fn pruned(connection: &Connection) -> Result<i64, Fault> {
    let mut statement = connection.prepare_cached(MARK)?;
    let mut rows = statement.query([MARK_ID])?;
    let mark: Option<UnixMillis> = rows.next()?.map(|row| queries::record(row, 0)).transpose()?;
    Ok(mark.map_or(0, |mark| sql_int(mark.0)))
}

/// Decodes a case from a row that begins with `id, row`.
pub(super) fn found(row: &rusqlite::Row<'_>, owner: &AccountKey) -> Result<Found, Fault> {
    Ok(Found { id: row.get(0)?, lifecycle: Lifecycle::from_bytes(owner, blob(row, 1)?)? })
}
