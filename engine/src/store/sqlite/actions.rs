//! Lists of actions. Each pair of state and code in a query reads one range of an index.

use countersign_core::action::Action;
use countersign_core::id::AccountKey;
use rusqlite::{Connection, Params};

use super::queries::{meant, record};
use super::{Fault, sql_int};
use crate::ports::store::ActionQuery;
use crate::store::{listed_states, state_number};

/// These two statements read only the index, because it holds every selected column.
pub(super) const OF_STATE: &str = "SELECT created_at, rowid FROM actions
     WHERE tenant = ?1 AND user_id = ?2 AND state = ?3 AND created_at >= ?4
     ORDER BY created_at DESC, rowid DESC LIMIT ?5";
pub(super) const OF_CODE: &str = "SELECT created_at, rowid FROM actions
     WHERE tenant = ?1 AND user_id = ?2 AND code = ?6 AND state = ?3 AND created_at >= ?4
     ORDER BY created_at DESC, rowid DESC LIMIT ?5";
pub(super) const ROW: &str = "SELECT row FROM actions WHERE rowid = ?1";

/// Time and row id of an action in a list. A newer action has a greater position.
type Position = (i64, i64);

pub(super) fn actions(
    connection: &Connection,
    account: &AccountKey,
    query: &ActionQuery,
) -> Result<Vec<Action>, Fault> {
    let (tenant, user) = (account.tenant.as_str(), account.user.as_str());
    let limit = i64::try_from(query.limit).unwrap_or(i64::MAX);
    // One transaction, so that all reads see the same state.
    let transaction = connection.unchecked_transaction()?;
    let mut places = Vec::new();
    for state in listed_states(query) {
        let (state, from) = (state_number(state), sql_int(query.from.0));
        if query.codes.is_empty() {
            collect(&transaction, OF_STATE, (tenant, user, state, from, limit), &mut places)?;
        }
        for code in &query.codes {
            let asked = (tenant, user, state, from, limit, code.as_str());
            collect(&transaction, OF_CODE, asked, &mut places)?;
        }
    }
    places.sort_unstable_by(|a, b| b.cmp(a));
    // A query may name one code twice.
    places.dedup();
    places.truncate(query.limit);
    let mut statement = transaction.prepare_cached(ROW)?;
    let mut found = Vec::with_capacity(places.len());
    for (_, rowid) in places {
        let mut rows = statement.query([rowid])?;
        if let Some(row) = rows.next()? {
            found.push(meant(record(row, 0)?, |a: &Action| a.account == *account)?);
        }
    }
    drop(statement);
    transaction.finish()?;
    Ok(found)
}

fn collect(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    places: &mut Vec<Position>,
) -> Result<(), Fault> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    while let Some(row) = rows.next()? {
        places.push((row.get(0)?, row.get(1)?));
    }
    Ok(())
}
