//! Pruning of old records, in units small enough for commits to be recorded between them.
//!
//! Cases are deleted from the front of their table. Challenges are kept for a shorter time, so they
//! are cut out of the cases behind a mark, the last case from which they were cut. The challenges of
//! an earlier case are gone.
//!
//! A removed account keeps its version for a while, so that a late commit for it does not match a
//! new account of the same name. A removal records no time. The first pruning after it marks the row
//! with a time in the past. A later pruning deletes the row once that mark is older than
//! [`REMOVED_KEPT_MS`].

use countersign_core::id::AccountKey;
use countersign_core::time::UnixMillis;
use rusqlite::Connection;

use super::cases::{self, Found, id_at};
use super::hot::{self, Times};
use super::queries::{owner, record};
use super::writer::Medium;
use super::{Fault, sql_int, tickets};
use crate::store::REMOVED_KEPT_MS;
use crate::store::failures::Failures;
use crate::store::record::Stored as _;

/// Largest number of rows that one unit deletes or rewrites.
pub(super) const ROWS_MAX: u32 = 500;
/// Number of hot states that one unit looks at. It reads one column of each, and decodes those with
/// old records.
const HOT_WINDOW: i64 = 4_096;

const OLD_HOT: &str = "SELECT account, tenant, user_id
     FROM hot CROSS JOIN accounts ON accounts.id = hot.account
     WHERE account > ?1 AND account <= ?2 AND oldest < ?3 ORDER BY account LIMIT ?4";
const LAST_HOT: &str = "SELECT max(account) FROM hot";
const CASES: &str = "SELECT cases.id, cases.row, tenant, user_id, account, name
     FROM cases CROSS JOIN accounts ON accounts.id = cases.account
     WHERE cases.id > ?1 AND cases.id < ?2 ORDER BY cases.id LIMIT ?3";
const DROP: &str = "DELETE FROM cases WHERE id IN
     (SELECT id FROM cases WHERE id < ?1 ORDER BY id LIMIT ?2)";
const MARK: &str = "SELECT row FROM clock WHERE id = 2";
const PUT_MARK: &str = "INSERT OR REPLACE INTO clock(id, row) VALUES(2, ?1)";
const MARK_REMOVED: &str = "UPDATE accounts SET removed = ?1 WHERE id IN
     (SELECT id FROM accounts WHERE removed = 0 LIMIT ?2)";
pub(super) const LONG_REMOVED: &str = "SELECT id, tenant, user_id FROM accounts
     WHERE removed BETWEEN 1 AND ?1 ORDER BY removed LIMIT ?2";
const KEEP_REMOVED: &str = "UPDATE accounts SET removed = ?2 WHERE id = ?1";
const DROP_ACCOUNT: &str = "DELETE FROM accounts WHERE id = ?1";
const DROP_HOT: &str = "DELETE FROM hot WHERE account = ?1";

/// Every statement of this file, for the test that checks query plans.
#[cfg(test)]
pub(super) const STATEMENTS: [&str; 11] = [
    OLD_HOT,
    LAST_HOT,
    CASES,
    DROP,
    MARK,
    PUT_MARK,
    MARK_REMOVED,
    LONG_REMOVED,
    KEEP_REMOVED,
    DROP_ACCOUNT,
    DROP_HOT,
];

/// Times before which records are pruned.
#[derive(Clone, Copy)]
pub(super) struct Before {
    pub(super) actions: UnixMillis,
    pub(super) challenges: UnixMillis,
}

/// Place at which the next unit goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The hot states after this account.
    Hot(i64),
    /// The cases behind the mark.
    Challenges,
    /// The front of the cases.
    Cases,
    /// The cases after this one whose challenges are kept longer than their actions.
    Actions(i64),
    Tickets,
    Removed,
}

/// Runs one unit. Returns the number of deleted records, and the next step.
pub(super) fn step(
    medium: &mut Medium,
    step: Step,
    before: Before,
    failures: &Failures,
) -> Result<(u32, Option<Step>), Fault> {
    let connection = &medium.connection;
    let rest = |rows: usize, again: Step, next: Step| {
        let rows = u32::try_from(rows).unwrap_or(u32::MAX);
        (rows, Some(if rows < ROWS_MAX { next } else { again }))
    };
    Ok(match step {
        Step::Hot(after) => prune_hot(medium, after, before, failures)?,
        Step::Challenges => {
            let from = medium.case_ids.pruned;
            let (gone, last, is_last) = cut(connection, from, before.challenges, before, failures)?;
            if last > from {
                // Only ids have a mark, and they are positive.
                let row = UnixMillis(last.cast_unsigned()).to_row();
                connection.prepare_cached(PUT_MARK)?.execute([row])?;
                medium.case_ids.pruned = last;
            }
            (gone, Some(if is_last { Step::Cases } else { step }))
        }
        Step::Cases => {
            let params = (id_at(before.actions.min(before.challenges)), ROWS_MAX);
            let rows = connection.prepare_cached(DROP)?.execute(params)?;
            rest(rows, step, Step::Actions(0))
        }
        Step::Actions(after) => {
            let (gone, last, is_last) = cut(connection, after, before.actions, before, failures)?;
            (gone, Some(if is_last { Step::Tickets } else { Step::Actions(last) }))
        }
        Step::Tickets => {
            let rows = tickets::prune(connection, before.challenges, ROWS_MAX)?;
            rest(rows, step, Step::Removed)
        }
        Step::Removed => {
            let (gone, is_last) = prune_removed(medium, before.challenges, failures)?;
            (gone, (!is_last).then_some(step))
        }
    })
}

/// Returns the last case from which challenges were cut; 0 if there is none.
pub(super) fn mark(connection: &Connection) -> Result<i64, Fault> {
    let mut statement = connection.prepare_cached(MARK)?;
    let mut rows = statement.query([])?;
    let mark: Option<UnixMillis> = rows.next()?.map(|row| record(row, 0)).transpose()?;
    Ok(mark.map_or(0, |mark| sql_int(mark.0)))
}

fn prune_hot(
    medium: &mut Medium,
    after: i64,
    before: Before,
    failures: &Failures,
) -> Result<(u32, Option<Step>), Fault> {
    let Medium { connection, accounts, .. } = medium;
    let last: Option<i64> = connection.prepare_cached(LAST_HOT)?.query_row([], |row| row.get(0))?;
    let end = after.saturating_add(HOT_WINDOW);
    let oldest = sql_int(before.actions.max(before.challenges).0);
    let old = named(connection, OLD_HOT, (after, end, oldest, ROWS_MAX), failures)?;
    let next = if old.count < ROWS_MAX { end } else { old.last };
    let mut gone = 0;
    for (id, key) in old.accounts {
        let account = match accounts.get(connection, &key) {
            Ok(account) => account,
            Err(fault) => {
                skip(fault, failures)?;
                continue;
            }
        };
        let times = Times::of(&account.hot);
        let pruned = account.hot.prune(before.actions, before.challenges);
        if pruned > 0 {
            hot::put(connection, id, &key, &account.hot, Some(&times))?;
            gone += pruned;
        }
    }
    let next =
        if last.is_some_and(|last| last > next) { Step::Hot(next) } else { Step::Challenges };
    Ok((gone, Some(next)))
}

/// Accounts that a statement found.
struct Named {
    accounts: Vec<(i64, AccountKey)>,
    /// Number of rows, with those that name no account.
    count: u32,
    /// Number of the last account.
    last: i64,
}

fn named(
    connection: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
    failures: &Failures,
) -> Result<Named, Fault> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut named = Named { accounts: Vec::new(), count: 0, last: 0 };
    while let Some(row) = rows.next()? {
        named.count += 1;
        named.last = row.get(0)?;
        match owner(row, 1, 2) {
            Ok(key) => named.accounts.push((named.last, key)),
            Err(fault) => skip(fault, failures)?,
        }
    }
    Ok(named)
}

/// Cuts old records out of the cases after `after` that ended before `end`. Returns the number of
/// the records, the last case, and true if there are no more cases.
fn cut(
    connection: &Connection,
    after: i64,
    end: UnixMillis,
    before: Before,
    failures: &Failures,
) -> Result<(u32, i64, bool), Fault> {
    let mut statement = connection.prepare_cached(CASES)?;
    let mut rows = statement.query((after, id_at(end), ROWS_MAX))?;
    let (mut gone, mut last, mut count) = (0, after, 0);
    let mut changed = Vec::new();
    while let Some(row) = rows.next()? {
        (last, count) = (row.get(0)?, count + 1);
        match owner(row, 2, 3).and_then(|owner| cases::found(row, &owner)) {
            Ok(Found { id, mut lifecycle }) => {
                let pruned = lifecycle.prune(before.actions, before.challenges);
                if pruned > 0 {
                    gone += pruned;
                    changed.push((id, row.get::<_, i64>(4)?, row.get::<_, i64>(5)?, lifecycle));
                }
            }
            Err(fault) => skip(fault, failures)?,
        }
    }
    // SQLite gives a page back only where rows are deleted, not where they become smaller.
    for (id, ..) in &changed {
        connection.prepare_cached(cases::REMOVE)?.execute([id])?;
    }
    for (id, account, name, lifecycle) in changed {
        if !lifecycle.is_empty() {
            let params = (id, account, name, lifecycle.to_bytes());
            connection.prepare_cached(cases::PUT)?.execute(params)?;
        }
    }
    Ok((gone, last, count < ROWS_MAX))
}

/// Passes over a damaged row, so that it does not block all later ones.
fn skip(fault: Fault, failures: &Failures) -> Result<(), Fault> {
    match fault {
        Fault::Row(error) => failures.passed_over(&error),
        Fault::Sql(_) => return Err(fault),
    }
    Ok(())
}

/// Deletes accounts that were removed long ago, and marks those that have no mark yet. Returns the
/// number of deleted accounts, and true if there are no more.
fn prune_removed(
    medium: &mut Medium,
    over: UnixMillis,
    failures: &Failures,
) -> Result<(u32, bool), Fault> {
    let Medium { connection, accounts, .. } = medium;
    let mark = sql_int(over.0.max(1));
    let before = sql_int(over.0.saturating_sub(REMOVED_KEPT_MS));
    let removed = named(connection, LONG_REMOVED, (before, ROWS_MAX), failures)?;
    let mut gone = 0;
    for (id, key) in removed.accounts {
        // Cases without their owner could not be read, so the account stays until they are pruned.
        let is_kept = match accounts.get(connection, &key) {
            Ok(account) => !account.hot.lifecycles.is_empty(),
            Err(fault) => {
                skip(fault, failures)?;
                true
            }
        };
        if is_kept || !cases::ids_of(connection, id)?.is_empty() {
            connection.prepare_cached(KEEP_REMOVED)?.execute((id, mark))?;
            continue;
        }
        connection.prepare_cached(DROP_ACCOUNT)?.execute([id])?;
        connection.prepare_cached(DROP_HOT)?.execute([id])?;
        accounts.forget(&key);
        gone += 1;
    }
    connection.prepare_cached(MARK_REMOVED)?.execute((mark, ROWS_MAX))?;
    Ok((gone, removed.count < ROWS_MAX))
}
