//! Reads. Each statement uses an index; tests check the query plans.

use countersign_core::account::{AccountRecord, Snapshot};
use countersign_core::action::Action;
use countersign_core::challenge::Challenge;
use countersign_core::change::{CommitId, Version};
use countersign_core::device::Device;
use countersign_core::id::{AccountKey, ActionKey, ChallengeId, CredentialKey, TenantId, UserId};
use countersign_core::time::UnixMillis;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Params, Row};

use super::{Fault, sql_int};
use crate::ports::store::{StoreError, UserQuery};
use crate::store::failures::Failures;
use crate::store::record::Stored;
use crate::store::{has_attributes, sort_devices, sort_open};

pub(super) const ACCOUNT: &str =
    "SELECT revision, row FROM accounts WHERE tenant = ?1 AND user_id = ?2";
pub(super) const DEVICES: &str = "SELECT row FROM devices WHERE tenant = ?1 AND user_id = ?2";
pub(super) const OPEN: &str =
    "SELECT row FROM challenges WHERE tenant = ?1 AND user_id = ?2 AND ended_at IS NULL";
pub(super) const ACTION: &str = "SELECT row FROM actions
     WHERE tenant = ?1 AND user_id = ?2 AND code = ?3 AND idempotency_key = ?4";
pub(super) const CHALLENGE: &str = "SELECT row FROM challenges WHERE tenant = ?1 AND id = ?2";
pub(super) const DEVICES_OF_KEY: &str =
    "SELECT row FROM devices WHERE tenant = ?1 AND thumbprint = ?2";
pub(super) const DUE: &str = "SELECT row FROM challenges
     WHERE ended_at IS NULL AND expires_at <= ?1 ORDER BY expires_at, id";
pub(super) const HELD: &str = "SELECT row FROM challenges
     WHERE ended_at IS NULL AND held = 1 AND expires_at > ?1 AND issued_at < ?2
     ORDER BY expires_at, id";

/// Decodes the record in a column.
pub(super) fn record<T: Stored>(row: &Row<'_>, column: usize) -> Result<T, Fault> {
    match row.get_ref(column)? {
        ValueRef::Blob(bytes) => Ok(T::from_row(bytes)?),
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) | ValueRef::Text(_) => {
            Err(StoreError::Unreadable("a row is not bytes".to_owned()).into())
        }
    }
}

fn all<T: Stored>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    is_meant: impl Fn(&T) -> bool,
) -> Result<Vec<T>, Fault> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(meant(record(row, 0)?, &is_meant)?);
    }
    Ok(found)
}

/// Returns the record if it is the wanted one. The columns by which a row is found have no
/// checksum, so they may be damaged.
pub(super) fn meant<T>(record: T, is_meant: impl Fn(&T) -> bool) -> Result<T, Fault> {
    if is_meant(&record) {
        return Ok(record);
    }
    Err(StoreError::Unreadable("a row's key does not fit its content".to_owned()).into())
}

fn first<T: Stored>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    is_meant: impl Fn(&T) -> bool,
) -> Result<Option<T>, Fault> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    rows.next()?.map(|row| meant(record(row, 0)?, is_meant)).transpose()
}

pub(super) fn account(connection: &Connection, key: &AccountKey) -> Result<Snapshot, Fault> {
    let params = (key.tenant.as_str(), key.user.as_str());
    // One transaction, so that the three reads see the same state.
    let transaction = connection.unchecked_transaction()?;
    let (revision, record) = account_row(&transaction, params)?;
    let version = Version { number: revision, commit: CommitId::NONE };
    let mut devices: Vec<Device> =
        all(&transaction, DEVICES, params, |d: &Device| d.account == *key)?;
    let is_open = |c: &Challenge| c.account == *key && c.ended.is_none();
    let mut open: Vec<Challenge> = all(&transaction, OPEN, params, is_open)?;
    transaction.finish()?;
    sort_devices(&mut devices);
    sort_open(&mut open);
    Ok(Snapshot { version, record, devices, open })
}

/// Returns the revision of an account, and its record if it has one.
pub(super) fn account_row(
    connection: &Connection,
    params: (&str, &str),
) -> Result<(u64, Option<AccountRecord>), Fault> {
    let mut statement = connection.prepare_cached(ACCOUNT)?;
    let mut rows = statement.query(params)?;
    let Some(row) = rows.next()? else { return Ok((0, None)) };
    let is_absent = row.get_ref(1)? == ValueRef::Null;
    let record = if is_absent { None } else { Some(record(row, 1)?) };
    Ok((row.get::<_, i64>(0)?.cast_unsigned(), record))
}

pub(super) fn action(
    connection: &Connection,
    account: &AccountKey,
    key: &ActionKey,
) -> Result<Option<Action>, Fault> {
    let (tenant, user) = (account.tenant.as_str(), account.user.as_str());
    let name = (tenant, user, key.code.as_str(), key.idempotency_key.as_str());
    first(connection, ACTION, name, |a: &Action| a.account == *account && a.key == *key)
}

pub(super) fn challenge(
    connection: &Connection,
    account: &AccountKey,
    id: &ChallengeId,
) -> Result<Option<Challenge>, Fault> {
    let is_meant = |c: &Challenge| c.account.tenant == account.tenant && c.id == *id;
    let found = first(connection, CHALLENGE, (account.tenant.as_str(), id.as_str()), is_meant)?;
    Ok(found.filter(|c| c.account == *account))
}

pub(super) fn devices_of_key(
    connection: &Connection,
    key: &CredentialKey,
) -> Result<Vec<Device>, Fault> {
    let params = (key.tenant.as_str(), key.thumbprint.as_bytes());
    let is_meant = |d: &Device| d.credential() == *key;
    let mut devices = all(connection, DEVICES_OF_KEY, params, is_meant)?;
    sort_devices(&mut devices);
    Ok(devices)
}

/// Returns the statement for the attributes of a query. It contains names of columns, never values.
pub(super) fn users_sql(query: &UserQuery) -> String {
    let mut sql = "SELECT user_id, row FROM accounts
         WHERE tenant = ?1 AND user_id > ?2 AND row IS NOT NULL"
        .to_owned();
    let attributes = [
        ("email COLLATE NOCASE", &query.email),
        ("phone", &query.phone_number),
        ("username", &query.username),
    ];
    for (number, (column, asked)) in (3..).zip(attributes) {
        // Attributes that the query does not name get a parameter too, so that the numbers of the
        // parameters stay the same.
        let term = match asked {
            Some(_) => format!(" AND {column} = ?{number}"),
            None => format!(" AND ?{number} IS NULL"),
        };
        sql.push_str(&term);
    }
    sql.push_str(" ORDER BY user_id LIMIT ?6");
    sql
}

pub(super) fn users(
    connection: &Connection,
    tenant: &TenantId,
    query: &UserQuery,
) -> Result<Vec<(UserId, AccountRecord)>, Fault> {
    let after = query.after.as_ref().map_or("", UserId::as_str);
    let limit = i64::try_from(query.limit).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(&users_sql(query))?;
    let (email, phone, username) = (&query.email, &query.phone_number, &query.username);
    let mut rows = statement.query((tenant.as_str(), after, email, phone, username, limit))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let Ok(Ok(user)) = row.get_ref(0)?.as_str().map(UserId::parse) else {
            return Err(StoreError::Unreadable("account: its user id".to_owned()).into());
        };
        found.push((user, meant(record(row, 1)?, |r| has_attributes(r, query))?));
    }
    Ok(found)
}

pub(super) fn overdue(
    connection: &Connection,
    now: UnixMillis,
    held_before: UnixMillis,
    limit: usize,
    failures: &Failures,
) -> Result<Vec<Challenge>, Fault> {
    let now = sql_int(now.0);
    let mut found: Vec<Challenge> = Vec::new();
    collect_intact(connection, DUE, [now], limit, failures, &mut found)?;
    collect_intact(connection, HELD, [now, sql_int(held_before.0)], limit, failures, &mut found)?;
    // An ended challenge here has a damaged column, because the columns say that it is open.
    found.retain(|challenge: &Challenge| challenge.ended.is_none());
    Ok(found)
}

/// Reads up to `limit` records. A damaged record is skipped and logged, so that it does not block
/// all later ones. A caller that reads it by its key gets an error.
pub(super) fn collect_intact<T: Stored>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    limit: usize,
    failures: &Failures,
    found: &mut Vec<T>,
) -> Result<(), Fault> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    while found.len() < limit {
        let Some(row) = rows.next()? else { break };
        match record(row, 0) {
            Ok(intact) => found.push(intact),
            Err(Fault::Row(error)) => failures.passed_over(&error),
            Err(fault @ Fault::Sql(_)) => return Err(fault),
        }
    }
    Ok(())
}
