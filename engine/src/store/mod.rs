//! Adapters that remember, behind [`crate::ports::Store`].
//!
//! Here are the rules that they share, so that one suite of tests can hold them to one contract.
//! How a record becomes bytes is in `record`; how commits are grouped is in `commit_queue`.

mod commit_queue;
mod durability;
mod memory;
mod record;
mod sqlite;
pub mod stream;
pub mod transfer;

pub use durability::{Bound, Durability};
pub use memory::MemoryStore;
pub use sqlite::SqliteStore;

use countersign_core::account::AccountRecord;
use countersign_core::action::Action;
use countersign_core::challenge::Challenge;
use countersign_core::change::{Change, Write};
use countersign_core::device::Device;

use crate::ports::store::{ActionQuery, StoreError, UserQuery};

/// Refuses a unit that no transition makes: a record of another account, or one challenge twice.
/// Recording it could replace an end that another unit, or the same one, has recorded.
fn check_form(change: &Change) -> Result<(), StoreError> {
    for (index, write) in change.writes.iter().enumerate() {
        let account = match write {
            Write::Account(_) | Write::RemoveAccount | Write::RemoveDevice(_) => continue,
            Write::Action(action) => &action.account,
            Write::Device(device) => &device.account,
            Write::Challenge(challenge) => {
                if challenges(&change.writes[..index]).any(|c| c.id == challenge.id) {
                    return Err(refused("a unit names one challenge twice"));
                }
                &challenge.account
            }
        };
        if *account != change.account {
            return Err(refused("a unit holds a record of another account"));
        }
    }
    Ok(())
}

/// The challenges among the writes of a unit.
fn challenges(writes: &[Write]) -> impl Iterator<Item = &Challenge> {
    writes.iter().filter_map(|write| match write {
        Write::Challenge(challenge) => Some(challenge),
        Write::Account(_)
        | Write::RemoveAccount
        | Write::Action(_)
        | Write::Device(_)
        | Write::RemoveDevice(_) => None,
    })
}

fn refused(reason: &str) -> StoreError {
    StoreError::Unavailable(reason.to_owned())
}

fn closed() -> StoreError {
    refused("it is closed")
}

/// What is said where a unit would take over a challenge of another account.
fn foreign_challenge() -> StoreError {
    refused("a challenge of that id belongs to another account")
}

/// Whether an action is to be listed; `from` and `limit` are the caller's part.
fn is_listed(action: &Action, query: &ActionQuery) -> bool {
    (query.codes.is_empty() || query.codes.contains(&action.key.code))
        && query.state.is_none_or(|state| state == action.state)
}

/// Whether a user has every attribute that is asked for.
fn has_attributes(record: &AccountRecord, query: &UserQuery) -> bool {
    let profile = &record.profile;
    [
        (&query.email, &profile.email),
        (&query.phone_number, &profile.phone_number),
        (&query.username, &profile.username),
    ]
    .into_iter()
    .all(|(asked, has)| {
        asked.as_ref().is_none_or(|a| has.as_ref().is_some_and(|h| h.as_str() == a))
    })
}

/// Devices in the order in which every store lists them: oldest first.
fn sort_devices(devices: &mut [Device]) {
    devices.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
}

/// Open challenges in the order in which every store lists them: oldest first.
fn sort_open(open: &mut [Challenge]) {
    open.sort_by(|a, b| (a.issued_at, &a.id).cmp(&(b.issued_at, &b.id)));
}
