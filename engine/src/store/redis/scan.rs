//! Reading of all records in Redis: first the secrets of tenants, through their index; then the
//! accounts; then all other records.
//!
//! Names of keys are digests, but each record holds its owner and id, so that the scan can compare
//! it with its name. A key that expires during the scan is left out. A key that Redis returns twice
//! appears twice.

use countersign_core::account::AccountRecord;
use countersign_core::action::Action;
use countersign_core::challenge::Challenge;
use countersign_core::device::Device;
use countersign_core::event::Event;
use countersign_core::id::TenantId;
use countersign_core::time::UnixMillis;
use redis::{Cmd, Value};

use super::entry::get;
use super::keys::{self, AccountNames};
use super::reader::Reader;
use super::reply::{array, bytes, checked, row, text, texts, unexpected};
use super::trouble::Trouble;
use super::unit::end;
use crate::ports::store::{Cursor, Page, Record, StoreError};
use crate::store::record::state_number;

/// Approximate number of keys that Redis examines for one page.
const LOOKED_AT: usize = 1_000;
/// Number of tenants in one page.
const TENANTS: usize = 128;

/// Phases of a scan, in their order.
const SECRETS: &str = "secrets";
const ACCOUNTS: &str = "accounts";
const RECORDS: &str = "records";
const CLOCK: &str = "clock";

/// Kinds of keys that are indexes, and hold no record.
const INDEXES: [&str; 11] = [
    "devices",
    "open",
    "codes",
    "list",
    "users",
    "email",
    "phone",
    "username",
    "bindings",
    "challenge-owner",
    "ticket",
];
const FIXED: [&str; 10] = [
    keys::CLOCK,
    keys::STATE,
    keys::LOCK,
    keys::DUE,
    keys::HELD,
    keys::ENDED,
    keys::TRACKED,
    keys::TENANTS,
    keys::REMOVED,
    keys::EVENTS,
];

/// Returns the page of records that follows a cursor.
pub(super) async fn page(reader: Reader, from: Option<Cursor>) -> Result<Page, Trouble> {
    let (phase, at) = match &from {
        None => (SECRETS, ""),
        Some(Cursor(text)) => text.split_once(':').unwrap_or((text, "")),
    };
    match phase {
        SECRETS => secrets(&reader, at).await,
        ACCOUNTS => some(&reader, at, true).await,
        RECORDS => some(&reader, at, false).await,
        CLOCK => clock(&reader).await,
        _ => Err(Trouble::Refused("the cursor is not one of this store".to_owned())),
    }
}

fn next(phase: &str, at: &str) -> Option<Cursor> {
    Some(Cursor(format!("{phase}:{at}")))
}

/// Returns the error for an unreadable row, with its key.
pub(super) fn located(key: &str, trouble: &Trouble) -> StoreError {
    let reason = match trouble {
        Trouble::Lost(reason) | Trouble::Refused(reason) | Trouble::Unreadable(reason) => reason,
        Trouble::Rolled | Trouble::Fenced => "it cannot be read",
    };
    unreadable(key, reason)
}

fn unreadable(key: &str, reason: &str) -> StoreError {
    // The name is escaped, because anybody may have chosen it, and a terminal could interpret it.
    StoreError::Unreadable(format!("{}: {reason}", key.escape_debug()))
}

async fn secrets(reader: &Reader, after: &str) -> Result<Page, Trouble> {
    let mut listed = redis::cmd("ZRANGEBYLEX");
    let from = if after.is_empty() { "-".to_owned() } else { format!("({after}") };
    listed.arg(keys::TENANTS).arg(from).arg("+").arg("LIMIT").arg(0).arg(TENANTS);
    let names = texts(reader.one(listed).await?)?;
    let tenants = names.iter().map(|name| TenantId::parse(name));
    let tenants: Vec<_> =
        tenants.collect::<Result<_, _>>().map_err(|_| unexpected("an unknown tenant"))?;
    let asked = tenants.iter().map(|tenant| get(keys::secret(tenant))).collect();
    let mut records = Vec::new();
    for (value, tenant) in reader.ask(asked).await?.into_iter().zip(tenants) {
        // The tenant is listed before its secret is recorded, so the secret may be missing.
        let secret = row(value).map_err(|trouble| located(&keys::secret(&tenant), &trouble));
        records.extend(secret.transpose().map(|found| Ok(Record::Secret(tenant, found?))));
    }
    let next = match names.last() {
        Some(last) if names.len() == TENANTS => next(SECRETS, last),
        Some(_) | None => next(ACCOUNTS, "0"),
    };
    Ok(Page { records, next })
}

/// Returns the next keys, sorted and without duplicates, and the place at which to continue.
pub(super) async fn keys_from(
    reader: &Reader,
    at: &str,
    pattern: &str,
) -> Result<(Vec<String>, Option<String>), Trouble> {
    keys_in(reader.one(keys_after(at, pattern)).await?)
}

/// Returns the command for the keys that follow a place.
pub(super) fn keys_after(at: &str, pattern: &str) -> Cmd {
    let mut scan = redis::cmd("SCAN");
    scan.arg(at).arg("MATCH").arg(pattern).arg("COUNT").arg(LOOKED_AT);
    scan
}

/// Parses the reply to [`keys_after`] into the keys and the place at which to continue.
pub(super) fn keys_in(reply: Value) -> Result<(Vec<String>, Option<String>), Trouble> {
    let mut reply = array(reply)?.into_iter();
    let place = text(reply.next().unwrap_or(Value::Nil))?.ok_or_else(|| unexpected("no place"))?;
    let mut names = Vec::new();
    for name in array(reply.next().unwrap_or(Value::Nil))? {
        let name = bytes(name)?.unwrap_or_default();
        names.push(String::from_utf8_lossy(&name).into_owned());
    }
    names.sort_unstable();
    names.dedup();
    Ok((names, (place != "0").then_some(place)))
}

async fn some(reader: &Reader, at: &str, accounts: bool) -> Result<Page, Trouble> {
    let pattern = format!("{}{}*", keys::PREFIX, if accounts { "{*}:account:" } else { "" });
    let (names, place) = keys_from(reader, at, &pattern).await?;
    let (mut asked, mut known, mut records) = (Vec::new(), Vec::new(), Vec::new());
    for name in names {
        match keys::kind(&name) {
            Some("account") if !accounts => {}
            Some("secret") => {
                if !is_named(reader, &name).await? {
                    records.push(Err(unreadable(&name, "no tenant has this secret")));
                }
            }
            Some(kind) if INDEXES.contains(&kind) => {}
            None if FIXED.contains(&name.as_str()) => {}
            kind => match kind.and_then(|kind| fetch(kind, &name)) {
                Some(command) => {
                    asked.push(command);
                    known.push(name);
                }
                None => records.push(Err(unreadable(&name, "it is not a key of this store"))),
            },
        }
    }
    for (value, name) in reader.ask(asked).await?.into_iter().zip(known) {
        let found = read(&name, value).map_err(|trouble| located(&name, &trouble));
        records.extend(found.transpose().map(|found| found.map(|(record, _)| record)));
    }
    let next = match place {
        Some(place) => next(if accounts { ACCOUNTS } else { RECORDS }, &place),
        None if accounts => next(RECORDS, "0"),
        None => next(CLOCK, ""),
    };
    Ok(Page { records, next })
}

/// Tells whether a key is the secret of a listed tenant. It reads all tenants, because there are
/// few.
async fn is_named(reader: &Reader, name: &str) -> Result<bool, Trouble> {
    let mut listed = redis::cmd("ZRANGE");
    listed.arg(keys::TENANTS).arg(0).arg(-1);
    let tenants = texts(reader.one(listed).await?)?;
    let mut tenants = tenants.iter().filter_map(|tenant| TenantId::parse(tenant).ok());
    Ok(tenants.any(|tenant| keys::secret(&tenant) == name))
}

/// Returns the command that reads a record of this kind; none if the kind has no record.
pub(super) fn fetch(kind: &str, name: &str) -> Option<Cmd> {
    let fields: &[&str] = match kind {
        "account" => &["row", "name"],
        "action" => &["row", "state", "order"],
        "challenge" => &["row", "end"],
        "device" | "event" => return Some(get(name.to_owned())),
        _ => return None,
    };
    let mut command = redis::cmd("HMGET");
    command.arg(name).arg(fields);
    Some(command)
}

/// Parses the reply to [`fetch`] into the record and an action's order. None if the record has
/// expired, or if only the revision of a removed account is left.
pub(super) fn read(name: &str, value: Value) -> Result<Option<(Record, String)>, Trouble> {
    let kind = keys::kind(name).ok_or_else(|| unexpected("an unknown key"))?;
    let mut order = String::new();
    let found = match (kind, value) {
        ("device", value) => row::<Device>(value)?.map(Record::Device),
        ("event", value) => row::<Event>(value)?.map(Record::Event),
        (_, value) => {
            let mut values = array(checked(value)?)?.into_iter();
            let mut next = || values.next().unwrap_or(Value::Nil);
            let (whole, said) = (next(), text(next()));
            match kind {
                "account" => account(whole, said)?,
                "action" => {
                    order = text(next())?.unwrap_or_default();
                    action(whole, said?.as_deref())?
                }
                _ => challenge(whole, said?.as_deref())?,
            }
        }
    };
    match found {
        Some(record) if name_of(&record).as_deref() != Some(name) => {
            Err(Trouble::Unreadable("its name does not fit its content".to_owned()))
        }
        found => Ok(found.map(|record| (record, order))),
    }
}

fn account(whole: Value, said: Result<Option<String>, Trouble>) -> Result<Option<Record>, Trouble> {
    let Some(record) = row::<AccountRecord>(whole)? else { return Ok(None) };
    let key = said.ok().flatten().and_then(|name| keys::parse_account_name(&name));
    let unnamed = || Trouble::Unreadable("it does not name its account's owner".to_owned());
    Ok(Some(Record::Account(key.ok_or_else(unnamed)?, record)))
}

fn action(whole: Value, state: Option<&str>) -> Result<Option<Record>, Trouble> {
    let Some(action) = row::<Action>(whole)? else { return Ok(None) };
    if state != Some(&*state_number(action.state).to_string()) {
        return Err(Trouble::Unreadable("its state does not fit its content".to_owned()));
    }
    Ok(Some(Record::Action(action)))
}

fn challenge(whole: Value, said: Option<&str>) -> Result<Option<Record>, Trouble> {
    let Some(challenge) = row::<Challenge>(whole)? else { return Ok(None) };
    if said != Some(&*challenge.ended.as_ref().map(end).unwrap_or_default()) {
        return Err(Trouble::Unreadable("its end does not fit its content".to_owned()));
    }
    Ok(Some(Record::Challenge(challenge)))
}

/// Returns the name under which a record must be stored.
fn name_of(record: &Record) -> Option<String> {
    let names = AccountNames::of(crate::store::stream::account_of(record)?);
    Some(match record {
        Record::Account(..) => names.account(),
        Record::Device(device) => names.device(&keys::device_id(&device.id)),
        Record::Action(action) => names.action(&keys::action_id(&action.key)),
        Record::Challenge(challenge) => {
            names.challenge(&keys::challenge_id(&challenge.account.tenant, &challenge.id))
        }
        Record::Event(event) => names.event(&event.id),
        Record::Secret(..) | Record::LatestTime(_) => return None,
    })
}

async fn clock(reader: &Reader) -> Result<Page, Trouble> {
    let time = reader.one(get(keys::CLOCK.to_owned())).await.and_then(text);
    let time = match time {
        Ok(None) => return Ok(Page::default()),
        Ok(Some(time)) => time,
        Err(trouble @ (Trouble::Refused(_) | Trouble::Unreadable(_))) => {
            let records = vec![Err(located(keys::CLOCK, &trouble))];
            return Ok(Page { records, next: None });
        }
        Err(trouble) => return Err(trouble),
    };
    let known = match time.split_once(':') {
        Some(("1", time)) => time.parse().map_err(|_| "it is no time".to_owned()),
        Some((format, _)) => Err(format!("its format {format} is unknown, 1 is known")),
        None => Err("it is no time".to_owned()),
    };
    let record = match known {
        Ok(ms) => Ok(Record::LatestTime(UnixMillis(ms))),
        Err(reason) => Err(located(keys::CLOCK, &Trouble::Unreadable(reason))),
    };
    Ok(Page { records: vec![record], next: None })
}
