//! Reads of accounts, by their key or by an index. Entries of an index are checked against their
//! records.

use countersign_core::account::{AccountRecord, Snapshot};
use countersign_core::challenge::Challenge;
use countersign_core::change::Version;
use countersign_core::device::Device;
use countersign_core::id::{AccountKey, CredentialKey, TenantId, UserId};
use countersign_core::statement::Digest;
use redis::Value;

use super::super::keys::{self, Names};
use super::super::live;
use super::super::reply::{array, bytes, text, texts, unexpected};
use super::super::trouble::Trouble;
use super::super::write::version;
use super::indexes::{device, record};
use super::{Reader, of};
use crate::ports::store::UserQuery;
use crate::store::record::case;
use crate::store::{asked_attributes, has_attributes, sort_devices, sort_open};

/// Number of index entries that are checked in one request.
const PAGE: usize = 128;

/// Fields of a hash with their values.
pub(super) type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// Splits the reply to `HGETALL` into fields and values.
pub(super) fn fields(value: Value) -> Result<Fields, Trouble> {
    let values = array(value)?.into_iter().map(|value| Ok(bytes(value)?.unwrap_or_default()));
    let values = values.collect::<Result<Vec<_>, Trouble>>()?;
    let mut values = values.into_iter();
    let pairs = std::iter::from_fn(|| values.next().zip(values.next()));
    Ok(pairs.collect())
}

/// Returns the open challenges of the field of lifecycles under way.
pub(super) fn open(account: &AccountKey, field: &[u8]) -> Result<Vec<Challenge>, Trouble> {
    let lives = live::lifecycles(field)?;
    let open = lives.iter().flat_map(|one| &one.open);
    open.map(|open| Ok(case::challenge_from(account, None, open.part)?)).collect()
}

pub(in crate::store::redis) async fn account(
    reader: Reader,
    key: AccountKey,
) -> Result<Snapshot, Trouble> {
    let names = Names::of(&key);
    let values = reader.one(names.partition(), of("HGETALL", names.account())).await?;
    let (mut version, mut record, mut devices, mut open) =
        (Version::NONE, None, Vec::new(), Vec::new());
    for (field, value) in fields(values)? {
        match field.as_slice() {
            b"v" => version = self::version(&value).ok_or_else(|| unexpected("no version"))?,
            b"row" => record = Some(self::record(&value)?),
            b"l" => open = self::open(&key, &value)?,
            b"name" if value != keys::account_name(&key).as_bytes() => {
                return Err(Trouble::Unreadable("an account has another owner".to_owned()));
            }
            [b'd', ..] => devices.push(device(&value)?),
            _ => {}
        }
    }
    sort_devices(&mut devices);
    sort_open(&mut open);
    Ok(Snapshot { version, record, devices, open })
}

pub(in crate::store::redis) async fn devices_of_key(
    reader: Reader,
    key: CredentialKey,
) -> Result<Vec<Device>, Trouble> {
    let name = keys::credential_name(&keys::credential(&key));
    let mut asked = Vec::new();
    for (binding, user) in fields(reader.one_of_all(of("HGETALL", name)).await?)? {
        let user = String::from_utf8(user).ok().and_then(|user| UserId::parse(&user).ok());
        let user = user.ok_or_else(|| unexpected("an unknown user"))?;
        let names = Names::of(&AccountKey { tenant: key.tenant.clone(), user });
        let field = [b"d", binding.get(1..17).unwrap_or_default()].concat();
        asked.push(of("HGET", names.account()).arg(field).clone());
    }
    let mut devices = Vec::new();
    for value in reader.ask_all(asked).await? {
        let device = bytes(value)?.map(|value| device(&value)).transpose()?;
        devices.extend(device.filter(|device| device.credential() == key));
    }
    sort_devices(&mut devices);
    Ok(devices)
}

/// Finds the account that has a ticket.
pub(in crate::store::redis) async fn account_of_ticket(
    reader: Reader,
    ticket: Digest,
) -> Result<Option<AccountKey>, Trouble> {
    let name = keys::ticket_name(&keys::ticket(&ticket));
    let Some(account) = text(reader.one_of_all(of("GET", name)).await?)? else { return Ok(None) };
    let account = keys::parse_account_name(&account);
    let account = account.ok_or_else(|| unexpected("an unknown account"))?;
    let names = Names::of(&account);
    let row = reader.one(names.partition(), of("HGET", names.account()).arg("row").clone()).await?;
    let record = bytes(row)?.map(|row| record(&row)).transpose()?;
    let has = record.is_some_and(|r| r.tickets.iter().any(|known| known.digest == ticket));
    Ok(has.then_some(account))
}

pub(in crate::store::redis) async fn users(
    reader: Reader,
    tenant: TenantId,
    query: UserQuery,
) -> Result<Vec<(UserId, AccountRecord)>, Trouble> {
    let asked = asked_attributes(&query).next();
    let index =
        asked.map_or_else(|| keys::users(&tenant), |(kind, t)| keys::attribute(&tenant, kind, &t));
    let index = keys::users_name(&index);
    let (mut found, mut after) = (Vec::new(), query.after.clone());
    while found.len() < query.limit {
        let from = after.as_ref().map_or_else(|| "-".to_owned(), |u| format!("({}", u.as_str()));
        let mut page = of("ZRANGEBYLEX", &index);
        page.arg(from).arg("+").arg("LIMIT").arg(0).arg(PAGE);
        let users = texts(reader.one_of_all(page).await?)?;
        let users: Result<Vec<_>, _> = users.iter().map(|text| UserId::parse(text)).collect();
        let users = users.map_err(|_| unexpected("an unknown user"))?;
        let row = |user: &UserId| {
            let account = AccountKey { tenant: tenant.clone(), user: user.clone() };
            of("HGET", Names::of(&account).account()).arg("row").clone()
        };
        let rows = reader.ask_all(users.iter().map(row).collect()).await?;
        let is_last = users.len() < PAGE;
        after = users.last().cloned();
        for (row, user) in rows.into_iter().zip(users) {
            let record = bytes(row)?.map(|row| record(&row)).transpose()?;
            found.extend(record.filter(|r| has_attributes(r, &query)).map(|record| (user, record)));
        }
        if is_last {
            break;
        }
    }
    found.truncate(query.limit);
    Ok(found)
}
