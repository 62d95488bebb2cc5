//! Reading of all records in Redis: first the secrets of tenants, then the accounts, then all other
//! records.
//!
//! The records of an account are read with its hash. Names of keys are digests, but each record
//! holds its owner and id, so that the scan can compare it with its name. A key that expires during
//! the scan is left out. A key that Redis returns twice appears twice.

use std::collections::HashMap;

use countersign_core::account::AccountRecord;
use countersign_core::event::Event;
use countersign_core::id::{AccountKey, TenantId};
use countersign_core::time::UnixMillis;
use redis::Value;

use super::super::keys::{self, Bucket, FIRST, Names};
use super::super::live;
use super::super::reply::{array, bytes, row, text, unexpected};
use super::super::trouble::Trouble;
use super::account::{Fields, fields};
use super::cases::whole;
use super::names::Key;
use super::{Reader, indexes, of};
use crate::ports::store::{Cursor, Page, Record, StoreError};
use crate::store::record::{Stored as _, case};

/// Approximate number of keys that Redis examines for one page.
const LOOKED_AT: usize = 250;

/// Phases of a scan, in their order.
const ACCOUNTS: &str = "accounts";
const RECORDS: &str = "records";
const CLOCK: &str = "clock";

/// Patterns of the keys of accounts, and of all keys.
pub(super) const ACCOUNT_KEYS: &str = "countersign:{*}:a*";
pub(super) const ALL_KEYS: &str = "countersign:*";

type Records = Vec<Result<Record, StoreError>>;

/// Returns the page of records that follows a cursor.
pub(in crate::store::redis) async fn page(
    reader: Reader,
    from: Option<Cursor>,
) -> Result<Page, Trouble> {
    let Some(Cursor(from)) = from else { return secrets(&reader).await };
    let (phase, at) = from.split_once(':').unwrap_or((&from, ""));
    match phase {
        ACCOUNTS => accounts(&reader, at).await,
        RECORDS => records(&reader, at).await,
        CLOCK => clock(&reader).await,
        _ => Err(Trouble::Refused("the cursor is not one of this store".to_owned())),
    }
}

fn next(phase: &str, at: &str) -> Option<Cursor> {
    Some(Cursor(format!("{phase}:{at}")))
}

/// Returns the error for an unreadable value, with its key.
fn located(key: &[u8], trouble: &Trouble) -> StoreError {
    match trouble {
        Trouble::Lost(why) | Trouble::Refused(why) | Trouble::Unreadable(why) => damaged(key, why),
        Trouble::Moved | Trouble::Rolled | Trouble::Absent | Trouble::Fenced => {
            damaged(key, "it cannot be read")
        }
    }
}

/// Returns the error for a key. The name is escaped, because it is binary, and anybody may have
/// chosen it.
pub(super) fn damaged(key: &[u8], reason: &str) -> StoreError {
    StoreError::Unreadable(format!("{}: {reason}", key.escape_ascii()))
}

/// Returns the next keys, sorted and without duplicates, and the place at which to continue.
pub(super) async fn keys_from(
    reader: &Reader,
    at: &str,
    pattern: &str,
) -> Result<(Vec<Vec<u8>>, Option<String>), Trouble> {
    let mut scan = of("SCAN", at);
    scan.arg("MATCH").arg(pattern).arg("COUNT").arg(LOOKED_AT);
    let mut reply = array(reader.one_of_all(scan).await?)?.into_iter();
    let place = text(reply.next().unwrap_or(Value::Nil))?.ok_or_else(|| unexpected("no place"))?;
    let names = array(reply.next().unwrap_or(Value::Nil))?.into_iter();
    let names = names.map(|name| Ok(bytes(name)?.unwrap_or_default()));
    let mut names = names.collect::<Result<Vec<_>, Trouble>>()?;
    names.sort_unstable();
    names.dedup();
    Ok((names, (place != "0").then_some(place)))
}

async fn secrets(reader: &Reader) -> Result<Page, Trouble> {
    let mut records = Vec::new();
    for (tenant, row) in fields(reader.one(FIRST, of("HGETALL", keys::SECRETS)).await?)? {
        let name = String::from_utf8(tenant).ok().and_then(|tenant| TenantId::parse(&tenant).ok());
        let secret = <[u8; 32]>::from_row(&row).map_err(Trouble::from);
        let secret = secret.map_err(|trouble| located(keys::SECRETS.as_bytes(), &trouble));
        records.push(match name {
            Some(tenant) => secret.map(|secret| Record::Secret(tenant, secret)),
            None => Err(damaged(keys::SECRETS.as_bytes(), "a secret is of no tenant")),
        });
    }
    Ok(Page { records, next: next(ACCOUNTS, "0") })
}

async fn accounts(reader: &Reader, at: &str) -> Result<Page, Trouble> {
    let (mut keys, place) = keys_from(reader, at, ACCOUNT_KEYS).await?;
    keys.retain(|key| matches!(Key::of(key), Some(Key::Account(_))));
    let asked = keys.iter().map(|key| of("HMGET", key).arg(&["name", "row"]).clone()).collect();
    let mut records = Vec::new();
    for (value, key) in reader.ask_all(asked).await?.into_iter().zip(keys) {
        let found = account(&key, value).map_err(|trouble| located(&key, &trouble));
        records.extend(found.transpose());
    }
    let next = place.map_or_else(|| next(RECORDS, "0"), |place| next(ACCOUNTS, &place));
    Ok(Page { records, next })
}

/// Decodes the fields `name` and `row` of an account's hash; none if the account was removed.
fn account(key: &[u8], value: Value) -> Result<Option<Record>, Trouble> {
    let mut values = array(value)?.into_iter();
    let mut next = || bytes(values.next().unwrap_or(Value::Nil));
    let (name, row) = (next()?, next()?);
    let Some(row) = row else { return Ok(None) };
    let record: AccountRecord = indexes::record(&row)?;
    Ok(Some(Record::Account(owner(key, name.as_deref())?, record)))
}

/// Returns the owner that an account's hash names.
pub(super) fn owner(key: &[u8], name: Option<&[u8]>) -> Result<AccountKey, Trouble> {
    let name = name.and_then(|name| std::str::from_utf8(name).ok());
    let owner = name.and_then(keys::parse_account_name);
    owner
        .filter(|owner| Names::of(owner).account() == key)
        .ok_or_else(|| Trouble::Unreadable("it does not name its account's owner".to_owned()))
}

async fn records(reader: &Reader, at: &str) -> Result<Page, Trouble> {
    let (keys, place) = keys_from(reader, at, ALL_KEYS).await?;
    let (mut asked, mut known, mut records) = (Vec::new(), Vec::new(), Records::new());
    for name in keys {
        let Some(key) = Key::of(&name) else {
            records.push(Err(damaged(&name, "it is not a key of this store")));
            continue;
        };
        asked.push(match key {
            Key::Account(_) => of("HGETALL", &name),
            Key::Cases(names, _) => of("HGET", names.account()).arg("b").clone(),
            Key::Left(names, _) => of("HGET", names.account()).arg("g").clone(),
            Key::Event(_) => of("HGET", &name).arg("row").clone(),
            Key::Other => continue,
        });
        known.push((name, key));
    }
    let mut accounts = Vec::new();
    for (value, (name, key)) in reader.ask_all(asked).await?.into_iter().zip(known) {
        let found = match key {
            Key::Account(names) => fields(value).map(|fields| {
                accounts.push(Hash {
                    name: name.clone(),
                    names,
                    fields: fields.into_iter().collect(),
                });
                None
            }),
            Key::Cases(_, bucket) | Key::Left(_, bucket) => is_listed(value, bucket),
            Key::Event(names) => event(&name, names, value),
            Key::Other => Ok(None),
        };
        records.extend(found.map_err(|trouble| located(&name, &trouble)).transpose());
    }
    records.extend(of_accounts(reader, accounts).await?);
    let next = place.map_or_else(|| next(CLOCK, ""), |place| next(RECORDS, &place));
    Ok(Page { records, next })
}

/// Checks that an account lists a bucket, because its cases are read with the account.
fn is_listed(value: Value, bucket: Bucket) -> Result<Option<Record>, Trouble> {
    let list = bytes(value)?.unwrap_or_default();
    match Bucket::listed(&list).any(|listed| listed == bucket) {
        true => Ok(None),
        false => Err(Trouble::Unreadable("no account lists it".to_owned())),
    }
}

fn event(name: &[u8], names: Names, value: Value) -> Result<Option<Record>, Trouble> {
    let event: Option<Event> = row(value)?;
    match event {
        Some(event) if Names::of(&event.account) != names || names.event(&event.id) != name => {
            Err(Trouble::Unreadable("its name does not fit its content".to_owned()))
        }
        event => Ok(event.map(Record::Event)),
    }
}

/// The hash of an account.
struct Hash {
    name: Vec<u8>,
    names: Names,
    fields: HashMap<Vec<u8>, Vec<u8>>,
}

impl Hash {
    fn buckets(&self, field: &str) -> impl Iterator<Item = Bucket> {
        let list = self.fields.get(field.as_bytes()).map_or(&[][..], Vec::as_slice);
        Bucket::listed(list)
    }

    /// Returns the records of this account, except the account itself. `cases` has the account's
    /// buckets, and `left` those of the removed user.
    fn records(&self, cases: Vec<Value>, left: Vec<Value>) -> Result<Records, Trouble> {
        let owner = owner(&self.name, self.fields.get(&b"name"[..]).map(Vec::as_slice))?;
        let mut records = Records::new();
        for (field, value) in self.fields.iter().filter(|(field, _)| field.first() == Some(&b'd')) {
            let device = indexes::device(value);
            records.push(
                device
                    .and_then(|device| {
                        let fits =
                            device.account == owner && keys::device_field(&device.id) == *field;
                        if fits { Ok(Record::Device(device)) } else { Err(misplaced()) }
                    })
                    .map_err(|trouble| located(&self.name, &trouble)),
            );
        }
        let mut cases = each(cases)?.into_iter().collect::<HashMap<_, _>>();
        let field = self.fields.get(&b"l"[..]).map_or(&[][..], Vec::as_slice);
        for live in live::lifecycles(field)? {
            let case = cases.remove(&live.id[..]);
            for open in &live.open {
                let challenge = case::challenge_from(&owner, None, open.part);
                records.push(challenge.map(Record::Challenge));
            }
            cases.insert(live.id.to_vec(), whole(case.as_deref(), Some(&live)));
        }
        for (id, parts) in cases {
            records.extend(self.lifecycle(&owner, &id, &parts, true));
        }
        for (id, parts) in each(left)? {
            records.extend(self.lifecycle(&owner, &id, &parts, false));
        }
        Ok(records)
    }

    fn lifecycle(&self, owner: &AccountKey, id: &[u8], parts: &[u8], with_action: bool) -> Records {
        let (action, challenges) = match case::read(owner, parts) {
            Ok(read) => read,
            Err(error) => return vec![Err(located(&self.name, &error.into()))],
        };
        let mut keys = action.iter().map(|a| &a.key).chain(challenges.iter().map(|c| &c.action));
        if keys.any(|key| keys::action_id(self.names, key)[..] != *id) {
            return vec![Err(located(&self.name, &misplaced()))];
        }
        let action = action.filter(|_| with_action).map(Record::Action);
        action.into_iter().chain(challenges.into_iter().map(Record::Challenge)).map(Ok).collect()
    }
}

fn misplaced() -> Trouble {
    Trouble::Unreadable("its name does not fit its content".to_owned())
}

/// Returns the cases of several buckets by their short names.
fn each(buckets: Vec<Value>) -> Result<Fields, Trouble> {
    let cases: Vec<_> = buckets.into_iter().map(fields).collect::<Result<_, _>>()?;
    Ok(cases.into_iter().flatten().collect())
}

/// Reads the cases of these accounts together, and returns all their records.
async fn of_accounts(reader: &Reader, accounts: Vec<Hash>) -> Result<Records, Trouble> {
    let mut asked = Vec::new();
    for hash in &accounts {
        asked.extend(hash.buckets("b").map(|bucket| of("HGETALL", hash.names.cases(bucket))));
        asked.extend(hash.buckets("g").map(|bucket| of("HGETALL", hash.names.left(bucket))));
    }
    let mut values = reader.ask_all(asked).await?.into_iter();
    let mut records = Records::new();
    for hash in accounts {
        let cases = values.by_ref().take(hash.buckets("b").count()).collect();
        let left = values.by_ref().take(hash.buckets("g").count()).collect();
        match hash.records(cases, left) {
            Ok(found) => records.extend(found),
            Err(trouble) => records.push(Err(located(&hash.name, &trouble))),
        }
    }
    Ok(records)
}

async fn clock(reader: &Reader) -> Result<Page, Trouble> {
    let Some(time) = bytes(reader.one(FIRST, of("GET", keys::CLOCK)).await?)? else {
        return Ok(Page::default());
    };
    let time = String::from_utf8(time).ok().and_then(|time| time.parse().ok()).map(UnixMillis);
    let damaged = || damaged(keys::CLOCK.as_bytes(), "it is no time");
    Ok(Page { records: vec![time.map(Record::LatestTime).ok_or_else(damaged)], next: None })
}
