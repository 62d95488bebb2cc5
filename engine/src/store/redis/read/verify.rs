//! Check that every record is in all indexes that have to contain it.

use countersign_core::id::AccountKey;
use redis::{Cmd, Value};

use super::super::keys::{self, Digest, Names};
use super::super::live;
use super::super::reply::{bytes, checked};
use super::super::trouble::Trouble;
use super::account::fields;
use super::names::Key;
use super::scan::{ALL_KEYS, keys_from, owner};
use super::{Reader, indexes, of};

/// Largest number of missing entries that the error names.
const NAMED_MAX: usize = 5;

/// An index entry that a record needs.
struct Needed {
    /// Key of the record.
    of: Vec<u8>,
    index: Vec<u8>,
    command: Cmd,
    /// Expected value; `None` if any value is right.
    value: Option<Vec<u8>>,
}

/// Checks every record that can be read. The scan in [`super::scan`] reports damaged ones.
pub(in crate::store::redis) async fn verify(reader: Reader) -> Result<(), Trouble> {
    let (mut place, mut gaps) = (Some("0".to_owned()), Vec::new());
    while let Some(at) = place {
        let (names, next) = keys_from(&reader, &at, ALL_KEYS).await?;
        let (mut needed, mut accounts) = (Vec::new(), Vec::new());
        for name in names {
            match Key::of(&name) {
                Some(Key::Account(_)) => accounts.push(name),
                Some(Key::Event(account)) => needed.extend(of_event(&name, account)),
                Some(Key::Cases(..) | Key::Left(..) | Key::Other) | None => {}
            }
        }
        let asked = accounts.iter().map(|name| of("HGETALL", name)).collect();
        for (value, name) in reader.ask_all(asked).await?.into_iter().zip(accounts) {
            needed.extend(of_account(&name, value).unwrap_or_default());
        }
        let asked = needed.iter().map(|entry| entry.command.clone()).collect();
        let values = reader.ask_all(asked).await?;
        for (value, entry) in values.into_iter().zip(needed).filter(|(v, e)| !stands(e, v)) {
            let (of, index) = (entry.of.escape_ascii(), entry.index.escape_ascii());
            gaps.push(format!("{of} is missing from {index}"));
            drop(value);
        }
        if gaps.len() >= NAMED_MAX {
            break;
        }
        place = next;
    }
    gaps.truncate(NAMED_MAX);
    if gaps.is_empty() {
        return Ok(());
    }
    Err(Trouble::Unreadable(format!("an index is incomplete: {}", gaps.join("; "))))
}

fn stands(entry: &Needed, value: &Value) -> bool {
    let said = checked(value.clone()).and_then(bytes).ok().flatten();
    said.is_some_and(|said| entry.value.as_ref().is_none_or(|value| *value == said))
}

fn needed(record: &[u8], command: &str, index: impl Into<Vec<u8>>, member: &[u8]) -> Needed {
    let index = index.into();
    let command = of(command, &index).arg(member).clone();
    Needed { of: record.to_vec(), index, command, value: None }
}

fn of_event(name: &[u8], account: Names) -> Option<Needed> {
    let id = name.last_chunk::<16>()?;
    let member = [&account.0[..], id].concat();
    Some(needed(name, "ZSCORE", account.partition().events(), &member))
}

/// Returns the index entries that have to exist for an account with its devices and challenges.
fn of_account(name: &[u8], value: Value) -> Result<Vec<Needed>, Trouble> {
    let fields = fields(value)?;
    let field = |wanted: &[u8]| {
        fields.iter().find(|(field, _)| field == wanted).map(|(_, value)| value.as_slice())
    };
    let key = owner(name, field(b"name"))?;
    let (names, user) = (Names::of(&key), key.user.as_str().as_bytes());
    let mut found = Vec::new();
    if let Some(row) = field(b"row") {
        for index in indexes_of(&key, row)? {
            found.push(needed(name, "ZSCORE", keys::users_name(&index), user));
        }
    }
    for (_, value) in fields.iter().filter(|(field, _)| field.first() == Some(&b'd')) {
        let device = indexes::device(value)?;
        let index = keys::credential_name(&keys::credential(&device.credential()));
        let mut entry = needed(name, "HGET", index, &keys::binding_field(names, &device.id));
        entry.value = Some(user.to_vec());
        found.push(entry);
    }
    for open in live::lifecycles(field(b"l").unwrap_or_default())?.iter().flat_map(|l| &l.open) {
        let (member, partition) = ([&names.0[..], &open.id].concat(), names.partition());
        found.push(needed(name, "ZSCORE", partition.due(), &member));
        if open.held {
            found.push(needed(name, "ZSCORE", partition.held(), &member));
        }
    }
    Ok(found)
}

/// Returns the indexes of users that an account has to be in: those that its record gives, and
/// those that its row lists.
fn indexes_of(key: &AccountKey, row: &[u8]) -> Result<Vec<Digest>, Trouble> {
    let (listed, _) = indexes::split(row)?;
    let mut found = keys::attributes(&key.tenant, &indexes::record(row)?);
    found.push(keys::users(&key.tenant));
    found.extend(listed.iter().filter(|index| !found.contains(index)).collect::<Vec<_>>());
    Ok(found)
}
