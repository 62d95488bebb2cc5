//! Reads by key, or by an index. Entries of an index are checked against their records.

use std::collections::HashSet;

use countersign_core::account::{AccountRecord, Snapshot};
use countersign_core::action::Action;
use countersign_core::challenge::Challenge;
use countersign_core::change::{CommitId, Version};
use countersign_core::device::Device;
use countersign_core::event::Event;
use countersign_core::id::{AccountKey, ActionKey, ChallengeId, CredentialKey, TenantId, UserId};
use countersign_core::statement::Digest;
use countersign_core::time::UnixMillis;
use redis::Value;

use super::entry::{Entry, Kind, get, row_of, stands_open};
use super::keys::{self, AccountNames};
use super::reader::Reader;
use super::reply::{array, number, row, texts, unexpected};
use super::script::{Call, SNAPSHOT};
use super::trouble::Trouble;
use crate::ports::store::{ActionQuery, StoreError, UserQuery};
use crate::store::record::{Stored, state_number};
use crate::store::{asked_attributes, has_attributes, listed_states, sort_devices, sort_open};

/// Number of index entries that are checked in one request.
const PAGE: usize = 128;

fn rows<T: Stored>(values: Value) -> Result<Vec<T>, Trouble> {
    let rows = array(values)?.into_iter().map(row);
    rows.map(|row| row?.ok_or_else(|| unexpected("no row"))).collect()
}

pub(super) async fn account(reader: Reader, key: AccountKey) -> Result<Snapshot, Trouble> {
    let names = AccountNames::of(&key);
    let call = Call::new(&SNAPSHOT).key(names.account()).key(names.devices()).key(names.open());
    let call = call.arg(names.prefix("device")).arg(names.prefix("challenge"));
    let mut values = array(reader.call(&call).await?)?.into_iter();
    let mut next = || values.next().unwrap_or(Value::Nil);
    let version = Version { number: number(next())?, commit: CommitId::NONE };
    let record = row(next())?;
    let (mut devices, mut open) = (rows::<Device>(next())?, rows::<Challenge>(next())?);
    sort_devices(&mut devices);
    sort_open(&mut open);
    Ok(Snapshot { version, record, devices, open })
}

pub(super) async fn action(
    reader: Reader,
    account: AccountKey,
    key: ActionKey,
) -> Result<Option<Action>, Trouble> {
    let names = AccountNames::of(&account);
    row(reader.one(row_of(names.action(&keys::action_id(&key)))).await?)
}

pub(super) async fn actions(
    reader: Reader,
    account: AccountKey,
    query: ActionQuery,
) -> Result<Vec<Action>, Trouble> {
    let names = AccountNames::of(&account);
    let codes: Vec<_> = query.codes.iter().map(keys::code_id).map(Some).collect();
    let codes = if codes.is_empty() { vec![None] } else { codes };
    let lists = listed_states(&query).map(state_number).flat_map(|state| {
        codes.iter().map(|code| names.list(code.as_ref(), state)).collect::<Vec<_>>()
    });
    let newest = lists.map(|list| {
        let mut range = redis::cmd("ZREVRANGEBYSCORE");
        range.arg(list).arg("+inf").arg(query.from.0).arg("WITHSCORES");
        range.arg("LIMIT").arg(0).arg(query.limit);
        range
    });
    let mut listed = Vec::new();
    for page in reader.ask(newest.collect()).await? {
        let page = texts(page)?;
        for pair in page.chunks_exact(2) {
            let at: f64 = pair[1].parse().map_err(|_| unexpected("not a time"))?;
            listed.push((at, pair[0].clone()));
        }
    }
    listed.sort_by(|(a, x), (b, y)| b.total_cmp(a).then_with(|| y.cmp(x)));
    // A query may name a code twice, and an expired action may be in two lists.
    let mut seen = HashSet::new();
    let digest = |member: &str| member.get(16..).unwrap_or_default().to_owned();
    let listed = listed.iter().map(|(_, member)| digest(member));
    let listed = listed.filter(|digest| seen.insert(digest.clone())).take(query.limit);
    let prefix = names.prefix("action");
    let values =
        reader.ask(listed.map(|digest| row_of(prefix.clone() + &digest)).collect()).await?;
    let mut found = Vec::new();
    for value in values {
        // The row may be missing, because an expired record stays in its lists until the next
        // pruning.
        let action: Option<Action> = row(value)?;
        found.extend(action.filter(|a| query.state.is_none_or(|state| state == a.state)));
    }
    Ok(found)
}

pub(super) async fn challenge(
    reader: Reader,
    account: AccountKey,
    id: ChallengeId,
) -> Result<Option<Challenge>, Trouble> {
    let digest = keys::challenge_id(&account.tenant, &id);
    let owner = reader.one(get(keys::challenge_owner(&digest))).await?;
    let Some(names) = owner_named(owner)? else { return Ok(None) };
    let challenge: Option<Challenge> = row(reader.one(row_of(names.challenge(&digest))).await?)?;
    Ok(challenge.filter(|c| c.id == id && c.account == account))
}

/// Parses the value of a challenge's owner key into the owner.
pub(super) fn owner_named(value: Value) -> Result<Option<AccountNames>, Trouble> {
    let Some(digest) = super::reply::text(value)? else { return Ok(None) };
    AccountNames::parse(&digest).map(Some).ok_or_else(|| unexpected("an unknown owner"))
}

pub(super) async fn devices_of_key(
    reader: Reader,
    key: CredentialKey,
) -> Result<Vec<Device>, Trouble> {
    let index = keys::bindings(&key);
    let mut range = redis::cmd("ZRANGE");
    range.arg(&index).arg(0).arg(-1);
    let members = texts(reader.one(range).await?)?;
    let mut bound = Vec::new();
    for member in members {
        let (_, user) = member.split_once(' ').ok_or_else(|| unexpected("an unknown binding"))?;
        let user = UserId::parse(user).map_err(|_| unexpected("an unknown user"))?;
        let account = AccountKey { tenant: key.tenant.clone(), user };
        bound.push(Entry { index: index.clone(), member, kind: Kind::Binding(account) });
    }
    let asked = bound.iter().map(Entry::record).collect::<Result<_, _>>()?;
    let (mut devices, mut unchecked) = (Vec::new(), Vec::new());
    for (value, entry) in reader.ask(asked).await?.into_iter().zip(bound) {
        match row::<Device>(value)?.filter(|device| device.credential() == key) {
            Some(device) => devices.push(device),
            None => unchecked.push(entry),
        }
    }
    reader.check_later(unchecked);
    sort_devices(&mut devices);
    Ok(devices)
}

/// Finds the account that has a ticket.
pub(super) async fn account_of_ticket(
    reader: Reader,
    ticket: Digest,
) -> Result<Option<AccountKey>, Trouble> {
    let index = keys::ticket(&ticket);
    let mut range = redis::cmd("ZRANGE");
    range.arg(&index).arg(0).arg(-1);
    let (mut found, mut unchecked) = (None, Vec::new());
    for member in texts(reader.one(range).await?)? {
        let account = keys::parse_account_name(&member);
        let account = account.ok_or_else(|| unexpected("an unknown account"))?;
        let kind = Kind::Ticket(account.clone());
        let entry = Entry { index: index.clone(), member, kind };
        if entry.stands(reader.one(entry.record()?).await?)? {
            found = Some(account);
        } else {
            unchecked.push(entry);
        }
    }
    reader.check_later(unchecked);
    Ok(found)
}

pub(super) async fn users(
    reader: Reader,
    tenant: TenantId,
    query: UserQuery,
) -> Result<Vec<(UserId, AccountRecord)>, Trouble> {
    let asked = asked_attributes(&query).next();
    let index =
        asked.map_or_else(|| keys::users(&tenant), |(kind, t)| keys::attribute(&tenant, kind, &t));
    let (mut found, mut unchecked) = (Vec::new(), Vec::new());
    let mut after = query.after.clone();
    while found.len() < query.limit {
        let mut page = redis::cmd("ZRANGEBYLEX");
        let from = after.as_ref().map_or_else(|| "-".to_owned(), |u| format!("({}", u.as_str()));
        page.arg(&index).arg(from).arg("+").arg("LIMIT").arg(0).arg(PAGE);
        let users = texts(reader.one(page).await?)?;
        let users: Result<Vec<_>, _> = users.iter().map(|text| UserId::parse(text)).collect();
        let users = users.map_err(|_| unexpected("an unknown user"))?;
        let account = |user: &UserId| AccountKey { tenant: tenant.clone(), user: user.clone() };
        let name = |user| row_of(AccountNames::of(&account(user)).account());
        let values = reader.ask(users.iter().map(name).collect()).await?;
        let asked = users.len();
        after = users.last().cloned();
        for (value, user) in values.into_iter().zip(users) {
            let record: Option<AccountRecord> = row(value)?;
            let stands = record
                .as_ref()
                .is_some_and(|record| keys::attributes(&tenant, record).contains(&index));
            match record {
                Some(record) if stands => {
                    if has_attributes(&record, &query) && found.len() < query.limit {
                        found.push((user, record));
                    }
                }
                _ => unchecked.push(Entry::of_user(index.clone(), account(&user))),
            }
        }
        if asked < PAGE {
            break;
        }
    }
    reader.check_later(unchecked);
    Ok(found)
}

pub(super) async fn overdue(
    reader: Reader,
    now: UnixMillis,
    held_before: UnixMillis,
    limit: usize,
) -> Result<Vec<Challenge>, Trouble> {
    let mut found = Vec::new();
    let range = (keys::DUE, "-inf".to_owned(), now.0.to_string());
    let stands = |c: &Challenge| stands_open(keys::DUE, c);
    let due = |c: &Challenge| c.expires_at <= now;
    timed(&reader, range, limit, Kind::Open, stands, due, &mut found).await?;
    let range = (keys::HELD, format!("({}", now.0), "+inf".to_owned());
    let stands = |c: &Challenge| stands_open(keys::HELD, c);
    let held = |c: &Challenge| c.held && c.expires_at > now && c.issued_at < held_before;
    timed(&reader, range, limit, Kind::Open, stands, held, &mut found).await?;
    Ok(found)
}

pub(super) async fn due_events(
    reader: Reader,
    now: UnixMillis,
    limit: usize,
) -> Result<Vec<Event>, Trouble> {
    let mut found = Vec::new();
    let range = (keys::EVENTS, "-inf".to_owned(), now.0.to_string());
    let due = |event: &Event| event.due_at <= now;
    timed(&reader, range, limit, Kind::Event, |_| true, due, &mut found).await?;
    Ok(found)
}

/// Reads a range of an index, and adds the records that belong to the index and pass `wanted`.
///
/// A damaged record is skipped and logged, so that it does not block all later ones. A caller that
/// reads it by its key gets an error.
async fn timed<T: Stored>(
    reader: &Reader,
    (index, from, to): (&str, String, String),
    limit: usize,
    kind: Kind,
    stands: impl Fn(&T) -> bool,
    wanted: impl Fn(&T) -> bool,
    found: &mut Vec<T>,
) -> Result<(), Trouble> {
    let (mut unchecked, mut offset) = (Vec::new(), 0);
    while found.len() < limit {
        let mut page = redis::cmd("ZRANGEBYSCORE");
        page.arg(index).arg(&from).arg(&to).arg("LIMIT").arg(offset).arg(PAGE);
        let members = texts(reader.one(page).await?)?.into_iter();
        let entry = |member| Entry { index: index.to_owned(), member, kind: kind.clone() };
        let entries: Vec<_> = members.map(entry).collect();
        let asked = entries.iter().map(Entry::record).collect::<Result<Vec<_>, _>>()?;
        let is_last = asked.len() < PAGE;
        offset += asked.len();
        for (value, entry) in reader.ask(asked).await?.into_iter().zip(entries) {
            match row(value) {
                Ok(Some(record)) if stands(&record) => {
                    if wanted(&record) && found.len() < limit {
                        found.push(record);
                    }
                }
                Ok(_) => unchecked.push(entry),
                Err(Trouble::Unreadable(error)) => {
                    reader.failures.passed_over(&StoreError::Unreadable(error));
                }
                Err(trouble) => return Err(trouble),
            }
        }
        if is_last {
            break;
        }
    }
    reader.check_later(unchecked);
    Ok(())
}
