//! Pruning of old records, in units small enough for commits to be recorded between them.
//!
//! Cases are deleted from the front of their table. Challenges are kept for a shorter time, so they
//! are cut out of the cases behind a mark, the last case from which they were cut.
//!
//! A removed account keeps its version for a while, so that a late commit for it does not match a
//! new account of the same name. A removal records no time. The first pruning after it marks the
//! row with a time in the past. A later pruning deletes the row once that mark is older than
//! [`REMOVED_KEPT_MS`].

use countersign_core::time::UnixMillis;
use rusqlite::Params;

use super::cases::{self, Found, id_at};
use super::hot::{self, Times};
use super::queries::{intact, owner};
use super::writer::Medium;
use super::{Fault, sql_int, tickets};
use crate::store::REMOVED_KEPT_MS;
use crate::store::failures::Failures;
use crate::store::record::Stored as _;

/// Largest number of rows that one unit deletes or rewrites.
const ROWS_MAX: u32 = 500;
/// Number of hot states that one unit looks at. It reads one column of each, and decodes those with
/// old records.
const HOT_WINDOW: i64 = 4_096;

const OLD_HOT: &str = "SELECT account, tenant, user_id
     FROM hot CROSS JOIN accounts ON accounts.id = hot.account
     WHERE account > ?1 AND account <= ?2 AND oldest < ?3 ORDER BY account LIMIT ?4";
const LAST_HOT: &str = "SELECT coalesce(max(account), 0) FROM hot";
const CASES: &str = "SELECT cases.id, cases.row, tenant, user_id, account, name
     FROM cases CROSS JOIN accounts ON accounts.id = cases.account
     WHERE cases.id > ?1 AND cases.id < ?2 ORDER BY cases.id LIMIT ?3";
const DROP: &str = "DELETE FROM cases WHERE id IN
     (SELECT id FROM cases WHERE id < ?1 ORDER BY id LIMIT ?2)";
const PUT_MARK: &str = "INSERT OR REPLACE INTO clock(id, row) VALUES(?1, ?2)";
const MARK_REMOVED: &str = "UPDATE accounts SET removed = ?1 WHERE id IN
     (SELECT id FROM accounts WHERE removed = 0 LIMIT ?2)";
/// Without its account, no lifecycle could be read, so an account stays until they are pruned.
pub(super) const DROP_HOT: &str = "DELETE FROM hot WHERE account IN
     (SELECT id FROM accounts CROSS JOIN hot ON hot.account = id
      WHERE removed BETWEEN 1 AND ?1 AND due IS NULL AND oldest IS NULL
      AND NOT EXISTS (SELECT 1 FROM cases WHERE cases.account = accounts.id)
      ORDER BY removed LIMIT ?2)";
const DROP_REMOVED: &str = "DELETE FROM accounts WHERE removed BETWEEN 1 AND ?1
     AND NOT EXISTS (SELECT 1 FROM hot WHERE hot.account = accounts.id)";

/// Every statement of this file, for the test that checks query plans.
#[cfg(test)]
pub(super) const STATEMENTS: [&str; 8] =
    [OLD_HOT, LAST_HOT, CASES, DROP, PUT_MARK, MARK_REMOVED, DROP_HOT, DROP_REMOVED];

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
    Marked,
    /// The front of the cases.
    Front,
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
    let over = before.challenges;
    let rest = |gone: u32, next| (gone, if gone < ROWS_MAX { next } else { Some(step) });
    Ok(match step {
        Step::Hot(after) => hot(medium, after, before, failures)?,
        Step::Marked => {
            let (gone, next) = cut(medium, medium.case_ids.pruned, over, before, failures)?;
            (gone, Some(next.map_or(Step::Front, |_| step)))
        }
        Step::Front => {
            let end = id_at(before.actions.min(over));
            rest(run(medium, DROP, (end, ROWS_MAX))?, Some(Step::Actions(0)))
        }
        Step::Actions(after) => {
            let (gone, next) = cut(medium, after, before.actions, before, failures)?;
            (gone, Some(next.map_or(Step::Tickets, Step::Actions)))
        }
        Step::Tickets => {
            rest(run(medium, tickets::PRUNE, (sql_int(over.0), ROWS_MAX))?, Some(Step::Removed))
        }
        Step::Removed => {
            let removed_before = sql_int(over.0.saturating_sub(REMOVED_KEPT_MS));
            let gone = run(medium, DROP_HOT, (removed_before, ROWS_MAX))?;
            if gone > 0 {
                run(medium, DROP_REMOVED, [removed_before])?;
                medium.accounts.clear();
            }
            run(medium, MARK_REMOVED, (sql_int(over.0.max(1)), ROWS_MAX))?;
            rest(gone, None)
        }
    })
}

/// Runs a statement that deletes or changes rows, and returns their number.
fn run(medium: &Medium, sql: &str, params: impl Params) -> rusqlite::Result<u32> {
    let rows = medium.connection.prepare_cached(sql)?.execute(params)?;
    Ok(u32::try_from(rows).unwrap_or(u32::MAX))
}

fn hot(
    medium: &mut Medium,
    after: i64,
    before: Before,
    failures: &Failures,
) -> Result<(u32, Option<Step>), Fault> {
    let Medium { connection, accounts, .. } = medium;
    let last: i64 = connection.prepare_cached(LAST_HOT)?.query_row([], |row| row.get(0))?;
    let (mut next, mut gone) = (after.saturating_add(HOT_WINDOW), 0);
    let oldest = sql_int(before.actions.max(before.challenges).0);
    let mut statement = connection.prepare_cached(OLD_HOT)?;
    let mut rows = statement.query((after, next, oldest, ROWS_MAX))?;
    let mut old = Vec::new();
    while let Some(row) = rows.next()? {
        old.push((row.get(0)?, owner(row, 1, 2)));
    }
    if old.len() == ROWS_MAX as usize {
        next = old.last().map_or(next, |(id, _)| *id);
    }
    for (id, key) in old {
        let Some(key) = intact(key, failures)? else { continue };
        let Some(account) = intact(accounts.get(connection, &key), failures)? else { continue };
        let times = Times::of(&account.hot);
        let pruned = account.hot.prune(before.actions, before.challenges);
        if pruned > 0 {
            hot::put(connection, id, &key, &account.hot, Some(&times))?;
            gone += pruned;
        }
    }
    Ok((gone, Some(if last > next { Step::Hot(next) } else { Step::Marked })))
}

/// Cuts old records out of the cases after `after` that ended before `end`. Returns the number of
/// the records, and the last case if there may be more.
fn cut(
    medium: &mut Medium,
    after: i64,
    end: UnixMillis,
    before: Before,
    failures: &Failures,
) -> Result<(u32, Option<i64>), Fault> {
    let connection = &medium.connection;
    let mut statement = connection.prepare_cached(CASES)?;
    let mut rows = statement.query((after, id_at(end), ROWS_MAX))?;
    let (mut gone, mut last, mut count, mut changed) = (0, after, 0, Vec::new());
    while let Some(row) = rows.next()? {
        (last, count) = (row.get(0)?, count + 1);
        let case = owner(row, 2, 3).and_then(|owner| cases::found(row, &owner));
        let Some(Found { id, mut lifecycle }) = intact(case, failures)? else { continue };
        let pruned = lifecycle.prune(before.actions, before.challenges);
        gone += pruned;
        if pruned > 0 {
            changed.push((id, row.get::<_, i64>(4)?, row.get::<_, i64>(5)?, lifecycle));
        }
    }
    // SQLite gives a page back only where rows are deleted, not where they become smaller.
    for (id, ..) in &changed {
        connection.prepare_cached(cases::REMOVE)?.execute([id])?;
    }
    for (id, account, name, lifecycle) in changed.iter().filter(|(.., l)| !l.is_empty()) {
        let params = (id, account, name, lifecycle.to_bytes());
        connection.prepare_cached(cases::PUT)?.execute(params)?;
    }
    if end == before.challenges && last > medium.case_ids.pruned {
        // Only ids are marks, and ids are positive.
        let row = UnixMillis(last.cast_unsigned()).to_row();
        connection.prepare_cached(PUT_MARK)?.execute((cases::MARK_ID, row))?;
        medium.case_ids.pruned = last;
    }
    Ok((gone, (count == ROWS_MAX).then_some(last)))
}
