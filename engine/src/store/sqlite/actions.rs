//! Reads of lifecycles: actions by name and in lists, and challenges.
//!
//! A lifecycle is in the account's hot state or a case. Most reads are about a recent one, so cases
//! are read latest first, and only until the answer is certain.

use std::cmp::Reverse;

use countersign_core::action::Action;
use countersign_core::challenge::Challenge;
use countersign_core::id::{AccountKey, ActionKey, ChallengeId};
use rusqlite::Connection;

use super::queries::{Known, stored};
use super::{Fault, cases};
use crate::ports::store::{ActionQuery, CASES_SEARCHED_MAX};
use crate::store::lifecycle::place;

pub(super) fn action(
    connection: &Connection,
    account: &AccountKey,
    key: &ActionKey,
) -> Result<Option<Action>, Fault> {
    // One transaction, so that all reads see the same state. So has each function here.
    let transaction = connection.unchecked_transaction()?;
    let Some(Known { id: Some(id), hot, .. }) = stored(&transaction, account)? else {
        return Ok(None);
    };
    if let Some(action) = hot.action(key) {
        return Ok(Some(Action::clone(action)));
    }
    let cases = cases::of_name(&transaction, id, account, key)?;
    let mut named = cases.iter().filter(|case| case.lifecycle.key == *key);
    let action = named.find_map(|case| case.lifecycle.action.as_deref());
    Ok(action.cloned())
}

pub(super) fn actions(
    connection: &Connection,
    account: &AccountKey,
    query: &ActionQuery,
) -> Result<Vec<Action>, Fault> {
    let transaction = connection.unchecked_transaction()?;
    let Some(Known { id: Some(id), hot, .. }) = stored(&transaction, account)? else {
        return Ok(Vec::new());
    };
    let is_asked = |action: &Action| {
        action.created_at >= query.from
            && query.state.is_none_or(|state| state == action.state)
            && (query.codes.is_empty() || query.codes.contains(&action.key.code))
    };
    let hot = hot.lifecycles.into_iter().filter_map(|lifecycle| lifecycle.action);
    let mut found: Vec<_> = hot.filter(|action| is_asked(action)).collect();
    found.sort_by(|a, b| place(b).cmp(&place(a)));
    for case in cases::ids_of(&transaction, id)? {
        // No action of this case or a later one was tracked after the end of this case.
        let is_before = |action: &Action| cases::id_at(action.created_at) > case;
        let last = query.limit.checked_sub(1).and_then(|last| found.get(last));
        let is_certain = query.limit == 0 || last.is_some_and(|action| is_before(action));
        if is_certain || cases::is_before(case, query.from) {
            break;
        }
        let case = cases::of_id(&transaction, id, account, case)?;
        let action = case.and_then(|case| case.lifecycle.action).filter(|a| is_asked(a));
        if let Some(action) = action {
            let at = found.partition_point(|other| Reverse(place(other)) < Reverse(place(&action)));
            found.insert(at, action);
            found.truncate(query.limit);
        }
    }
    found.truncate(query.limit);
    Ok(found.iter().map(|action| Action::clone(action)).collect())
}

pub(super) fn challenge(
    connection: &Connection,
    account: &AccountKey,
    challenge: &ChallengeId,
) -> Result<Option<Challenge>, Fault> {
    let transaction = connection.unchecked_transaction()?;
    let Some(Known { id: Some(id), hot, .. }) = stored(&transaction, account)? else {
        return Ok(None);
    };
    if let Some(challenge) = hot.challenge(challenge) {
        return Ok(Some(Challenge::clone(challenge)));
    }
    let pruned = cases::pruned(&transaction)?;
    let newest = cases::ids_of(&transaction, id)?.into_iter().take(CASES_SEARCHED_MAX);
    for case in newest.take_while(|case| *case > pruned) {
        let case = cases::of_id(&transaction, id, account, case)?;
        if let Some(found) = case.as_ref().and_then(|case| case.lifecycle.challenge(challenge)) {
            return Ok(Some(Challenge::clone(found)));
        }
    }
    Ok(None)
}
