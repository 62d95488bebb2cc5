//! The one connection that writes: a group of units is one transaction.

use std::sync::Arc;

use countersign_core::account::AccountRecord;
use countersign_core::action::Action;
use countersign_core::challenge::Challenge;
use countersign_core::change::{Change, Write};
use countersign_core::device::Device;
use countersign_core::event::Event;
use countersign_core::id::{AccountKey, EventId, TenantId};
use countersign_core::text::Line;
use countersign_core::time::UnixMillis;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OptionalExtension as _, TransactionBehavior};

use super::files::Files;
use super::queries::record;
use super::{Fault, outbox, removed, schema, sql_int, unavailable};
use crate::ports::store::{Committed, StoreError};
use crate::store::commit_queue::{Answers, Backend, Failure};
use crate::store::durability::may_lag;
use crate::store::record::Stored;
use crate::store::{challenges, check_form, foreign_challenge, state_number};

/// Rows that one unit of pruning takes, at most.
pub(super) const PRUNE_ROWS_MAX: u32 = 500;
/// Units after which the log is copied into the database while nothing waits.
const CHECKPOINT_UNITS_IDLE: usize = 256;
/// Units after which it is copied although something waits.
const CHECKPOINT_UNITS_MAX: usize = 4_096;

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
const KEEP_SECRET: &str =
    "INSERT INTO secrets(tenant, row) VALUES(?1, ?2) ON CONFLICT(tenant) DO NOTHING";
const SECRET: &str = "SELECT row FROM secrets WHERE tenant = ?1";
const LATEST: &str = "SELECT row FROM clock WHERE id = 1";
const PUT_LATEST: &str =
    "INSERT INTO clock(id, row) VALUES(1, ?1) ON CONFLICT(id) DO UPDATE SET row = excluded.row";
const PRUNE_ACTIONS: &str = "DELETE FROM actions WHERE rowid IN
     (SELECT rowid FROM actions WHERE created_at < ?1 ORDER BY created_at LIMIT ?2)";
const PRUNE_CHALLENGES: &str = "DELETE FROM challenges WHERE rowid IN
     (SELECT rowid FROM challenges WHERE ended_at < ?1 ORDER BY ended_at LIMIT ?2)";

/// Every statement of this file, for the test that asks the planner.
#[cfg(test)]
pub(super) const STATEMENTS: [&str; 22] = [
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
    removed::MARK,
    removed::PRUNE,
    KEEP_SECRET,
    SECRET,
    LATEST,
    PUT_LATEST,
    PRUNE_ACTIONS,
    PRUNE_CHALLENGES,
    outbox::PUT,
    outbox::PUT_OFF,
    outbox::REMOVE,
];

/// What the writer is asked for.
pub(super) enum Unit {
    Commit(Change),
    TokenSecret {
        tenant: TenantId,
        fresh: [u8; 32],
    },
    Prune {
        actions_before: UnixMillis,
        challenges_before: UnixMillis,
    },
    PutOffEvent(Event),
    RemoveEvent(AccountKey, EventId),
    Observe(UnixMillis),
    /// The file was found to be damaged.
    Break(StoreError),
}

/// What it answers, in the same order of kinds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Done {
    Commit(Committed),
    TokenSecret([u8; 32]),
    /// Rows that went; fewer than [`PRUNE_ROWS_MAX`] where none is left.
    Pruned(u32),
    Event,
    /// The highest time that was recorded before.
    Observed(UnixMillis),
}

/// The writing connection. The files stay locked until it is closed.
pub(super) struct Writer {
    connection: Connection,
    since_checkpoint: usize,
    // Fields are dropped in order: the lock goes after the connection.
    _files: Arc<Files>,
}

impl Writer {
    pub(super) fn open(files: Arc<Files>) -> Result<Self, StoreError> {
        let connection = schema::open_writer(files.path())?;
        Ok(Self { connection, since_checkpoint: 0, _files: files })
    }

    #[cfg(test)]
    pub(super) const fn connection(&self) -> &Connection {
        &self.connection
    }

    fn checkpoint(&self, mode: &str) -> rusqlite::Result<()> {
        let sql = format!("PRAGMA wal_checkpoint({mode})");
        // A reader in the way makes it copy less, which is not an error.
        self.connection.query_row(&sql, [], |_| Ok(()))
    }
}

impl Backend for Writer {
    type Unit = Unit;
    type Answer = Done;

    fn record(&mut self, units: &[Unit]) -> Result<Answers<Done>, Failure> {
        self.since_checkpoint += units.len();
        if let Some(error) = units.iter().find_map(broken) {
            return Err(Failure::Broken(error.clone()));
        }
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|e| failure(&e))?;
        let mut answers = Vec::with_capacity(units.len());
        for unit in units {
            let done = match unit {
                Unit::Commit(change) => commit(&transaction, change).map(Done::Commit),
                Unit::TokenSecret { tenant, fresh } => {
                    token_secret(&transaction, tenant, fresh).map(Done::TokenSecret)
                }
                Unit::Prune { actions_before, challenges_before } => {
                    prune(&transaction, *actions_before, *challenges_before).map(Done::Pruned)
                }
                Unit::PutOffEvent(event) => {
                    let put_off = outbox::put_off(&transaction, event);
                    put_off.map(|()| Done::Event).map_err(Fault::from)
                }
                Unit::RemoveEvent(account, id) => {
                    let removed = outbox::remove(&transaction, account, id);
                    removed.map(|()| Done::Event).map_err(Fault::from)
                }
                Unit::Observe(now) => observe(&transaction, *now).map(Done::Observed),
                Unit::Break(error) => Err(error.clone().into()),
            };
            answers.push(match done {
                Ok(done) => Ok(done),
                // Such a unit is refused before its first write.
                Err(Fault::Row(error)) => Err(error),
                Err(Fault::Sql(error)) => return Err(failure(&error)),
            });
        }
        transaction.commit().map_err(|e| failure(&e))?;
        Ok(answers)
    }

    fn early(unit: &Unit) -> Option<Done> {
        match unit {
            Unit::Commit(change) => may_lag(change).then_some(Done::Commit(Committed::Recorded)),
            Unit::TokenSecret { .. }
            | Unit::Prune { .. }
            | Unit::PutOffEvent(_)
            | Unit::RemoveEvent(..)
            | Unit::Observe(_)
            | Unit::Break(_) => None,
        }
    }

    fn maintain(&mut self, idle: bool) -> Result<(), StoreError> {
        let due = if idle { CHECKPOINT_UNITS_IDLE } else { CHECKPOINT_UNITS_MAX };
        if self.since_checkpoint < due {
            return Ok(());
        }
        self.since_checkpoint = 0;
        match self.checkpoint("PASSIVE") {
            // What could not be copied is still in the log.
            Err(error) if has_no_room(&error) => Ok(()),
            checkpointed => checkpointed.map_err(|e| unavailable(&e)),
        }
    }

    fn close(self) -> Result<(), StoreError> {
        match self.checkpoint("TRUNCATE") {
            Err(error) if has_no_room(&error) => {}
            checkpointed => checkpointed.map_err(|e| unavailable(&e))?,
        }
        self.connection.close().map_err(|(_, error)| unavailable(&error))
    }
}

const fn broken(unit: &Unit) -> Option<&StoreError> {
    if let Unit::Break(error) = unit { Some(error) } else { None }
}

/// Another program's lock and a full disk leave the file as it was: all is rolled back, and a later
/// group is a transaction of its own. After anything else nobody knows what the disk holds.
fn failure(error: &rusqlite::Error) -> Failure {
    if has_no_room(error) || error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) {
        return Failure::Refused(unavailable(error));
    }
    // A damaged database is not one record that cannot be read: nothing is known of the others.
    Failure::Broken(StoreError::Unavailable(error.to_string()))
}

/// The index of the log is a file too, and grows with it.
fn has_no_room(error: &rusqlite::Error) -> bool {
    let index_full = || {
        error.sqlite_error().is_some_and(|e| e.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE)
    };
    error.sqlite_error_code() == Some(ErrorCode::DiskFull) || index_full()
}

/// Checks a unit, then writes all of it. A recorded end is told even to a unit that is stale too:
/// it is the one answer that can never change.
fn commit(connection: &Connection, change: &Change) -> Result<Committed, Fault> {
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
    if recorded != change.expected {
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
            Write::Action(action) => put_action(connection, action)?,
            Write::Challenge(challenge) => put_challenge(connection, challenge)?,
            Write::Device(device) => put_device(connection, device)?,
            Write::RemoveDevice(id) => {
                let params = (key.tenant.as_str(), key.user.as_str(), id.as_str());
                connection.prepare_cached(DROP_DEVICE)?.execute(params)?;
            }
            Write::Event(event) => outbox::put(connection, event)?,
        }
    }
    // The revision is a column, so that every unit is fenced although few write the account's row.
    let revision = sql_int(change.expected + 1);
    if is_removed {
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
    Ok(())
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

fn token_secret(
    connection: &Connection,
    tenant: &TenantId,
    fresh: &[u8; 32],
) -> Result<[u8; 32], Fault> {
    connection.prepare_cached(KEEP_SECRET)?.execute((tenant.as_str(), fresh.to_row()))?;
    let mut statement = connection.prepare_cached(SECRET)?;
    let mut rows = statement.query([tenant.as_str()])?;
    let row = rows.next()?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    record(row, 0)
}

fn observe(connection: &Connection, now: UnixMillis) -> Result<UnixMillis, Fault> {
    let mut statement = connection.prepare_cached(LATEST)?;
    let mut rows = statement.query([])?;
    let before = rows.next()?.map(|row| record(row, 0)).transpose()?.unwrap_or(now);
    connection.prepare_cached(PUT_LATEST)?.execute([before.max(now).to_row()])?;
    Ok(before)
}

fn prune(
    connection: &Connection,
    actions_before: UnixMillis,
    challenges_before: UnixMillis,
) -> Result<u32, Fault> {
    let mut gone = 0;
    for (sql, before) in [(PRUNE_ACTIONS, actions_before), (PRUNE_CHALLENGES, challenges_before)] {
        let params = (sql_int(before.0), PRUNE_ROWS_MAX - gone);
        let rows = connection.prepare_cached(sql)?.execute(params)?;
        gone += u32::try_from(rows).expect("it takes no more than it is told");
    }
    let accounts = removed::prune(connection, challenges_before, PRUNE_ROWS_MAX - gone)?;
    Ok(gone + u32::try_from(accounts).expect("it takes no more than it is told"))
}
