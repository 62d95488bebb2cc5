//! Reads. Each statement uses an index; tests check the query plans.

use std::collections::HashMap;

use countersign_core::account::{AccountRecord, Snapshot};
use countersign_core::challenge::Challenge;
use countersign_core::device::Device;
use countersign_core::id::{AccountKey, AuthenticatorId, CredentialKey, TenantId, UserId};
use countersign_core::time::UnixMillis;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Params, Row};

use super::{Fault, sql_int};
use crate::ports::store::{StoreError, UserQuery};
use crate::store::failures::Failures;
use crate::store::lifecycle::Hot;
use crate::store::record::{Stored, hot};
use crate::store::{has_attributes, sort_devices};

// A CROSS JOIN keeps the order of the tables, so that the index of the first one gives the order.
pub(super) const ACCOUNT: &str = "SELECT accounts.row, hot.row, accounts.id, removed
     FROM accounts LEFT JOIN hot ON hot.account = accounts.id
     WHERE tenant = ?1 AND user_id = ?2";
pub(super) const DEVICES: &str = "SELECT row FROM devices WHERE account = ?1";
pub(super) const DEVICES_OF_KEY: &str = "SELECT devices.row, hot.row
     FROM devices CROSS JOIN accounts ON accounts.id = devices.account
     LEFT JOIN hot ON hot.account = accounts.id WHERE thumbprint = ?1 AND tenant = ?2";
pub(super) const DUE: &str = "SELECT tenant, user_id, hot.row
     FROM hot CROSS JOIN accounts ON accounts.id = hot.account
     WHERE due <= ?1 ORDER BY due";
pub(super) const HELD: &str = "SELECT tenant, user_id, hot.row
     FROM hot CROSS JOIN accounts ON accounts.id = hot.account
     WHERE held < ?1 ORDER BY held";

/// Returns the bytes in a column.
pub(super) fn blob<'r>(row: &'r Row<'_>, column: usize) -> Result<&'r [u8], Fault> {
    match row.get_ref(column)? {
        ValueRef::Blob(bytes) => Ok(bytes),
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) | ValueRef::Text(_) => {
            Err(StoreError::Unreadable("a row is not bytes".to_owned()).into())
        }
    }
}

/// Decodes the record in a column.
pub(super) fn record<T: Stored>(row: &Row<'_>, column: usize) -> Result<T, Fault> {
    Ok(T::from_row(blob(row, column)?)?)
}

/// Decodes the record in a column. None if the column is NULL.
pub(super) fn optional<T: Stored>(row: &Row<'_>, column: usize) -> Result<Option<T>, Fault> {
    let is_absent = row.get_ref(column)? == ValueRef::Null;
    if is_absent { Ok(None) } else { record(row, column).map(Some) }
}

/// Decodes the hot state in a column.
pub(super) fn hot_of(row: &Row<'_>, column: usize, owner: &AccountKey) -> Result<Hot, Fault> {
    Ok(hot::open(owner, blob(row, column)?)?)
}

/// Returns the account that two columns name.
pub(super) fn owner(row: &Row<'_>, tenant: usize, user: usize) -> Result<AccountKey, Fault> {
    let unnamed = || StoreError::Unreadable("its columns name no account".to_owned());
    let text = |column| row.get_ref(column)?.as_str().map_err(|_| Fault::Row(unnamed()));
    let tenant = TenantId::parse(text(tenant)?).map_err(|_| unnamed())?;
    let user = UserId::parse(text(user)?).map_err(|_| unnamed())?;
    Ok(AccountKey { tenant, user })
}

/// Returns the record if it is the wanted one. The columns by which a row is found have no
/// checksum, so they may be damaged.
pub(super) fn meant<T>(record: T, is_meant: impl Fn(&T) -> bool) -> Result<T, Fault> {
    if is_meant(&record) {
        return Ok(record);
    }
    Err(StoreError::Unreadable("a row's key does not fit its content".to_owned()).into())
}

/// The rows of an account.
#[derive(Default)]
pub(super) struct Known {
    /// None if the account has no rows yet.
    pub(super) id: Option<i64>,
    pub(super) is_removed: bool,
    /// The record in the account's own row. Its counters are out of date.
    pub(super) record: Option<AccountRecord>,
    pub(super) hot: Hot,
    /// The devices whose rows were read or written. Their last use is out of date.
    pub(super) devices: HashMap<AuthenticatorId, Device>,
    /// Number of bytes of the hot state's row, and of the other rows that were read or written.
    pub(super) hot_bytes: usize,
    pub(super) own_bytes: usize,
}

/// Reads the rows of an account, without its devices. None if it has none.
pub(super) fn stored(connection: &Connection, key: &AccountKey) -> Result<Option<Known>, Fault> {
    let mut statement = connection.prepare_cached(ACCOUNT)?;
    let mut rows = statement.query((key.tenant.as_str(), key.user.as_str()))?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let (record, hot, id) = (optional(row, 0)?, hot_of(row, 1, key)?, row.get(2)?);
    let is_removed = row.get_ref(3)? != ValueRef::Null;
    let own = if record.is_some() { blob(row, 0)?.len() } else { 0 };
    let (own_bytes, hot_bytes) = (own, blob(row, 1)?.len());
    let known = Known { id, is_removed, record, hot, hot_bytes, own_bytes, ..Known::default() };
    Ok(Some(known))
}

pub(super) fn account(connection: &Connection, key: &AccountKey) -> Result<Snapshot, Fault> {
    // One transaction, so that all reads see the same state.
    let transaction = connection.unchecked_transaction()?;
    let Some(Known { id: Some(id), record: own, hot, .. }) = stored(&transaction, key)? else {
        return Ok(Snapshot::default());
    };
    let mut devices: Vec<Device> = Vec::new();
    let mut statement = transaction.prepare_cached(DEVICES)?;
    let mut rows = statement.query([id])?;
    while let Some(row) = rows.next()? {
        devices.push(meant(record(row, 0)?, |device: &Device| device.account == *key)?);
    }
    Ok(hot.snapshot(own, devices))
}

/// Reads the bindings of a key. Many users may share a key, so a damaged hot state of one does not
/// hinder the others. The last use of that one's device is then the one in the device's row.
pub(super) fn devices_of_key(
    connection: &Connection,
    key: &CredentialKey,
    failures: &Failures,
) -> Result<Vec<Device>, Fault> {
    let mut statement = connection.prepare_cached(DEVICES_OF_KEY)?;
    let mut rows = statement.query((key.thumbprint.as_bytes(), key.tenant.as_str()))?;
    let mut devices = Vec::new();
    while let Some(row) = rows.next()? {
        let is_meant = |device: &Device| device.credential() == *key;
        let device: Device = meant(record(row, 0)?, is_meant)?;
        let hot = intact(hot_of(row, 1, &device.account), failures)?;
        devices.push(hot.unwrap_or_default().with_use(device));
    }
    sort_devices(&mut devices);
    Ok(devices)
}

/// Returns the statement for the attributes of a query. It contains names of columns, never values.
pub(super) fn users_sql(query: &UserQuery) -> String {
    let mut sql = "SELECT tenant, user_id, accounts.row, hot.row
         FROM accounts CROSS JOIN hot ON hot.account = accounts.id
         WHERE tenant = ?1 AND user_id > ?2 AND accounts.row IS NOT NULL"
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

/// Lists users. A damaged hot state of one does not hinder the others. That one's counters are then
/// the older ones of the account's own row: a list tells them, and no rule reads them from it.
pub(super) fn users(
    connection: &Connection,
    tenant: &TenantId,
    query: &UserQuery,
    failures: &Failures,
) -> Result<Vec<(UserId, AccountRecord)>, Fault> {
    let after = query.after.as_ref().map_or("", UserId::as_str);
    let limit = i64::try_from(query.limit).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(&users_sql(query))?;
    let (email, phone, username) = (&query.email, &query.phone_number, &query.username);
    let mut rows = statement.query((tenant.as_str(), after, email, phone, username, limit))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let key = owner(row, 0, 1)?;
        let own = meant(record(row, 2)?, |r| has_attributes(r, query))?;
        let hot = intact(hot_of(row, 3, &key), failures)?;
        let record = match hot {
            Some(hot) => hot.with_counters(own),
            None => own,
        };
        found.push((key.user, record));
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
    let is_due = |c: &Challenge| c.expires_at <= now;
    let is_held = |c: &Challenge| c.held && c.issued_at < held_before && !is_due(c);
    let mut found = open(connection, DUE, now, limit, failures, is_due)?;
    let left = limit - found.len();
    found.extend(open(connection, HELD, held_before, left, failures, is_held)?);
    Ok(found)
}

/// Reads up to `limit` open challenges, those that expire first before the others.
fn open(
    connection: &Connection,
    sql: &str,
    time: UnixMillis,
    limit: usize,
    failures: &Failures,
    is_meant: impl Fn(&Challenge) -> bool,
) -> Result<Vec<Challenge>, Fault> {
    let read = |row: &Row<'_>| {
        let hot = hot_of(row, 2, &owner(row, 0, 1)?)?;
        let open = hot.open().filter(|challenge| is_meant(challenge));
        Ok(open.map(|challenge| Challenge::clone(challenge)).collect())
    };
    let mut found = collect_intact(connection, sql, [sql_int(time.0)], limit, failures, read)?;
    found.sort_by(|a, b| (a.expires_at, &a.id).cmp(&(b.expires_at, &b.id)));
    found.truncate(limit);
    Ok(found)
}

/// Reads rows until they hold `limit` records. A damaged row is skipped and logged, so that it does
/// not block all later ones. A caller that reads it by its key gets an error.
pub(super) fn collect_intact<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    limit: usize,
    failures: &Failures,
    read: impl Fn(&Row<'_>) -> Result<Vec<T>, Fault>,
) -> Result<Vec<T>, Fault> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while found.len() < limit {
        let Some(row) = rows.next()? else { break };
        found.extend(intact(read(row), failures)?.into_iter().flatten());
    }
    Ok(found)
}

/// Passes over a damaged row, so that it does not block the others.
pub(super) fn intact<T>(row: Result<T, Fault>, failures: &Failures) -> Result<Option<T>, Fault> {
    match row {
        Ok(row) => Ok(Some(row)),
        Err(Fault::Row(error)) => {
            failures.passed_over(&error);
            Ok(None)
        }
        Err(fault @ Fault::Sql(_)) => Err(fault),
    }
}
