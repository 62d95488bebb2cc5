//! Check that every record is in all indexes that have to contain it.
//!
//! Entries without a record are not checked, because they do no harm: every reader checks an entry
//! against its record.

use countersign_core::challenge::Challenge;
use redis::{Cmd, Value};

use super::entry::{binding, get};
use super::keys::{self, AccountNames};
use super::reader::Reader;
use super::reply::{bytes, checked};
use super::scan::{fetch, keys_from, read};
use super::trouble::Trouble;
use super::unit::member;
use crate::ports::store::Record;
use crate::store::record::state_number;
use crate::store::stream::account_of;

/// Largest number of missing entries that the error names.
const NAMED_MAX: usize = 5;

/// An index entry that a record needs.
struct Needed {
    index: String,
    command: Cmd,
    /// Expected value; `None` if any value is right.
    value: Option<String>,
}

/// Checks every record that can be read. The scan in [`super::scan`] reports damaged ones.
pub(super) async fn indexes(reader: Reader) -> Result<(), Trouble> {
    let pattern = format!("{}{{*}}:*", keys::PREFIX);
    let (mut place, mut gaps) = ("0".to_owned(), Vec::new());
    loop {
        let (mut names, next) = keys_from(&reader, &place, &pattern).await?;
        names.retain(|name| keys::kind(name).and_then(|kind| fetch(kind, name)).is_some());
        let asked = names.iter().filter_map(|name| fetch(keys::kind(name)?, name)).collect();
        let values = reader.ask(asked).await?;
        let (mut needed, mut commands) = (Vec::new(), Vec::new());
        for (name, value) in names.into_iter().zip(values) {
            let Ok(Some((record, order))) = read(&name, value) else { continue };
            for entry in entries(&record, &order) {
                commands.push(entry.command.clone());
                needed.push((name.clone(), entry));
            }
        }
        let values = reader.ask(commands).await?;
        for ((name, entry), value) in needed.into_iter().zip(values) {
            if !stands(&entry, value) {
                let name = name.escape_debug();
                gaps.push(format!("{name} is missing from {}", entry.index));
            }
            if gaps.len() == NAMED_MAX {
                return Err(incomplete(&gaps));
            }
        }
        match next {
            Some(next) => place = next,
            None if gaps.is_empty() => return Ok(()),
            None => return Err(incomplete(&gaps)),
        }
    }
}

fn incomplete(gaps: &[String]) -> Trouble {
    Trouble::Unreadable(format!("an index is incomplete: {}", gaps.join("; ")))
}

fn stands(entry: &Needed, value: Value) -> bool {
    let said = match checked(value) {
        Ok(Value::Int(there)) => return there == 1,
        Ok(value) => bytes(value).ok().flatten(),
        Err(_) => None,
    };
    said.is_some_and(|said| entry.value.as_ref().is_none_or(|v| v.as_bytes() == said))
}

fn of(command: &str, index: String, member: &str) -> Needed {
    let mut asked = redis::cmd(command);
    asked.arg(&index).arg(member);
    Needed { index, command: asked, value: None }
}

/// Returns the index entries that have to exist for a record.
fn entries(record: &Record, order: &str) -> Vec<Needed> {
    let Some(account) = account_of(record) else { return Vec::new() };
    let names = AccountNames::of(account);
    match record {
        Record::Account(key, record) => {
            let indexes = keys::attributes(&key.tenant, record).into_iter();
            indexes.map(|index| of("ZSCORE", index, key.user.as_str())).collect()
        }
        Record::Device(device) => {
            let bound = binding(&device.account, &device.id);
            vec![
                of("SISMEMBER", names.devices(), keys::device_id(&device.id).as_str()),
                of("ZSCORE", keys::bindings(&device.credential()), &bound),
            ]
        }
        Record::Action(action) => {
            let (id, code) = (keys::action_id(&action.key), keys::code_id(&action.key.code));
            let (listed, state) = (format!("{order}{}", id.as_str()), state_number(action.state));
            vec![
                of("SISMEMBER", names.codes(), code.as_str()),
                of("ZSCORE", names.list(None, state), &listed),
                of("ZSCORE", names.list(Some(&code), state), &listed),
                of("ZSCORE", keys::TRACKED.to_owned(), &names.member(&id)),
            ]
        }
        Record::Challenge(challenge) => of_challenge(&names, challenge),
        Record::Event(event) => {
            vec![of("ZSCORE", keys::EVENTS.to_owned(), &names.event_member(&event.id))]
        }
        Record::Secret(..) | Record::LatestTime(_) => Vec::new(),
    }
}

fn of_challenge(names: &AccountNames, challenge: &Challenge) -> Vec<Needed> {
    let id = keys::challenge_id(&challenge.account.tenant, &challenge.id);
    let index = keys::challenge_owner(&id);
    let value = Some(names.digest().as_str().to_owned());
    let owner = Needed { command: get(index.clone()), index, value };
    let timed = |index: &str| of("ZSCORE", index.to_owned(), &member(challenge));
    let mut needed = vec![owner];
    if challenge.ended.is_some() {
        needed.push(timed(keys::ENDED));
        return needed;
    }
    needed.push(of("SISMEMBER", names.open(), id.as_str()));
    needed.push(timed(keys::DUE));
    needed.extend(challenge.held.then(|| timed(keys::HELD)));
    needed
}
