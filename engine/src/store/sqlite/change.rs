//! Recording of a change: its checks, and then the writes of its records.

use countersign_core::account::AccountRecord;
use countersign_core::action::Action;
use countersign_core::challenge::Challenge;
use countersign_core::change::{Change, CommitId, Version, Write};
use countersign_core::device::Device;
use countersign_core::id::AccountKey;
use countersign_core::text::Line;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _};

use super::queries::record;
use super::{Fault, outbox, removed, sql_int, tickets};
use crate::ports::store::{Committed, StoreError};
use crate::store::record::Stored as _;
use crate::store::{challenges, check_form, foreign_challenge, state_number};

const REVISION: &str = "SELECT revision FROM accounts WHERE tenant = ?1 AND user_id = ?2";
const ENDED: &str = "SELECT user_id, ended_at, row FROM challenges WHERE tenant = ?1 AND id = ?2";
const PUT_ACCOUNT: &str =
    "INSERT INTO accounts(tenant, user_id, revision, email, phone, username, row)
     VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)
     ON CONFLICT(tenant, user_id) DO UPDATE SET revision = excluded.revision, removed = NULL,
     email = excluded.email,
     phone = excluded.phone, username = excluded.username, row = excluded.row";
const PUT_REVISION: &str = "INSERT INTO accounts(tenant, user_id, revision) VALUES(?1, ?2, ?3)
     ON CONFLICT(tenant, user_id) DO UPDATE SET revision = excluded.revision";
const PUT_DEVICE: &str = "INSERT INTO devices(tenant, user_id, id, thumbprint, row)
     VALUES(?1, ?2, ?3, ?4, ?5)
     ON CONFLICT(tenant, user_id, id) DO UPDATE SET
     thumbprint = excluded.thumbprint, row = excluded.row";
const PUT_ACTION: &str =
    "INSERT INTO actions(tenant, user_id, code, idempotency_key, created_at, state, row)
     VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)
     ON CONFLICT(tenant, user_id, code, idempotency_key)
     DO UPDATE SET created_at = excluded.created_at, state = excluded.state, row = excluded.row";
const PUT_CHALLENGE: &str =
    "INSERT INTO challenges(tenant, id, user_id, issued_at, expires_at, held, ended_at, row)
     VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
     ON CONFLICT(tenant, id) DO UPDATE SET issued_at = excluded.issued_at,
     expires_at = excluded.expires_at, held = excluded.held, ended_at = excluded.ended_at,
     row = excluded.row";
const DROP_DEVICE: &str = "DELETE FROM devices WHERE tenant = ?1 AND user_id = ?2 AND id = ?3";
const DROP_BELONGINGS: [&str; 2] = [
    "DELETE FROM devices WHERE tenant = ?1 AND user_id = ?2",
    "DELETE FROM actions WHERE tenant = ?1 AND user_id = ?2",
];

/// Every statement of this file, for the test that checks query plans.
#[cfg(test)]
pub(super) const STATEMENTS: [&str; 13] = [
    REVISION,
    ENDED,
    PUT_ACCOUNT,
    PUT_REVISION,
    PUT_DEVICE,
    PUT_ACTION,
    PUT_CHALLENGE,
    DROP_DEVICE,
    DROP_BELONGINGS[0],
    DROP_BELONGINGS[1],
    removed::PUT,
    tickets::FORGET,
    tickets::PUT,
];

/// Checks a unit, then writes all of it. The recorded ends are checked before the revision, because
/// a recorded end can never change; the caller of a stale unit gets it as well.
pub(super) fn commit(connection: &Connection, change: &Change) -> Result<Committed, Fault> {
    check_form(change)?;
    for challenge in challenges(&change.writes) {
        if let Some(ended) = ended_otherwise(connection, challenge)? {
            return Ok(ended);
        }
    }
    let key = (change.account.tenant.as_str(), change.account.user.as_str());
    let recorded: Option<i64> =
        connection.prepare_cached(REVISION)?.query_row(key, |row| row.get(0)).optional()?;
    let recorded = recorded.unwrap_or(0).cast_unsigned();
    if recorded != change.parent.number {
        let recorded = Version { number: recorded, commit: CommitId::NONE };
        return Ok(Committed::Stale { recorded });
    }
    write(connection, change)?;
    Ok(Committed::Recorded)
}

fn ended_otherwise(
    connection: &Connection,
    proposed: &Challenge,
) -> Result<Option<Committed>, Fault> {
    let mut statement = connection.prepare_cached(ENDED)?;
    let mut rows = statement.query((proposed.account.tenant.as_str(), proposed.id.as_str()))?;
    let Some(row) = rows.next()? else { return Ok(None) };
    if row.get_ref(0)? != ValueRef::Text(proposed.account.user.as_str().as_bytes()) {
        return Err(foreign_challenge().into());
    }
    if row.get_ref(1)? == ValueRef::Null {
        return Ok(None);
    }
    let recorded: Challenge = record(row, 2)?;
    let ended = recorded
        .ended
        .ok_or_else(|| StoreError::Unreadable("challenge: its end is missing".to_owned()))?;
    if proposed.ended.as_ref() == Some(&ended) {
        return Ok(None);
    }
    Ok(Some(Committed::Ended { challenge: proposed.id.clone(), recorded: Box::new(ended) }))
}

fn write(connection: &Connection, change: &Change) -> rusqlite::Result<()> {
    let key = &change.account;
    let mut record = None;
    let mut is_removed = false;
    for write in &change.writes {
        match write {
            Write::Account(account) => (record, is_removed) = (Some(account), false),
            Write::RemoveAccount => {
                remove_belongings(connection, key)?;
                (record, is_removed) = (None, true);
            }
            Write::Track(action) | Write::Action(action) => put_action(connection, action)?,
            Write::Challenge(challenge) => put_challenge(connection, challenge)?,
            Write::Device(device) => put_device(connection, device)?,
            Write::RemoveDevice(id) => {
                let params = (key.tenant.as_str(), key.user.as_str(), id.as_str());
                connection.prepare_cached(DROP_DEVICE)?.execute(params)?;
            }
            Write::Event(event) => outbox::write(connection, outbox::PUT, event)?,
        }
    }
    // The revision is a column of its own, because every unit checks and raises it, but few units
    // write the account's row.
    let revision = sql_int(change.version().number);
    if is_removed {
        tickets::forget(connection, key)?;
        return removed::put(connection, key, revision);
    }
    put_account(connection, key, revision, record)
}

fn put_account(
    connection: &Connection,
    key: &AccountKey,
    revision: i64,
    record: Option<&AccountRecord>,
) -> rusqlite::Result<()> {
    let (tenant, user) = (key.tenant.as_str(), key.user.as_str());
    let Some(record) = record else {
        connection.prepare_cached(PUT_REVISION)?.execute((tenant, user, revision))?;
        return Ok(());
    };
    let text = |line: &Option<Line>| line.as_ref().map(|line| line.as_str().to_owned());
    let profile = &record.profile;
    connection.prepare_cached(PUT_ACCOUNT)?.execute((
        tenant,
        user,
        revision,
        text(&profile.email),
        text(&profile.phone_number),
        text(&profile.username),
        record.to_row(),
    ))?;
    tickets::replace(connection, key, record)
}

fn remove_belongings(connection: &Connection, key: &AccountKey) -> rusqlite::Result<()> {
    for sql in DROP_BELONGINGS {
        connection.prepare_cached(sql)?.execute((key.tenant.as_str(), key.user.as_str()))?;
    }
    Ok(())
}

fn put_device(connection: &Connection, device: &Device) -> rusqlite::Result<()> {
    connection.prepare_cached(PUT_DEVICE)?.execute((
        device.account.tenant.as_str(),
        device.account.user.as_str(),
        device.id.as_str(),
        device.key.thumbprint().as_bytes(),
        device.to_row(),
    ))?;
    Ok(())
}

fn put_action(connection: &Connection, action: &Action) -> rusqlite::Result<()> {
    connection.prepare_cached(PUT_ACTION)?.execute((
        action.account.tenant.as_str(),
        action.account.user.as_str(),
        action.key.code.as_str(),
        action.key.idempotency_key.as_str(),
        sql_int(action.created_at.0),
        state_number(action.state),
        action.to_row(),
    ))?;
    Ok(())
}

fn put_challenge(connection: &Connection, challenge: &Challenge) -> rusqlite::Result<()> {
    connection.prepare_cached(PUT_CHALLENGE)?.execute((
        challenge.account.tenant.as_str(),
        challenge.id.as_str(),
        challenge.account.user.as_str(),
        sql_int(challenge.issued_at.0),
        sql_int(challenge.expires_at.0),
        challenge.held,
        challenge.ended.as_ref().map(|ended| sql_int(ended.at.0)),
        challenge.to_row(),
    ))?;
    Ok(())
}
