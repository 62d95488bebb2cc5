//! Storage adapters behind [`crate::ports::Store`].
//!
//! This module holds the rules that all adapters share, so that one test suite checks all of them
//! against one contract. `record` encodes records as bytes; `commit_queue` groups commits.

mod commit_queue;
mod durability;
mod failures;
mod intake;
mod lag;
mod lifecycle;
mod memory;
mod record;
mod redis;
mod sqlite;
pub mod stream;
pub mod transfer;

pub use durability::{Bound, Durability};
pub use memory::MemoryStore;
#[cfg(fuzzing)]
pub use record::properties;
pub use redis::{ABSENT, Loss, Opening, RedisSettings, RedisStore};
pub use sqlite::SqliteStore;

use std::sync::{Mutex, MutexGuard, PoisonError};

use countersign_core::account::AccountRecord;
use countersign_core::challenge::Challenge;
use countersign_core::change::{Change, Write};
use countersign_core::device::Device;
use countersign_core::text::Line;

use self::record::state_number;
use crate::ports::store::{StoreError, UserQuery};

/// Milliseconds for which the revision of a removed account is kept. No commit can be under way for
/// longer.
const REMOVED_KEPT_MS: u64 = 24 * 60 * 60 * 1000;

/// Number of an account's last commits whose names are kept. A commit that is sent again while its
/// name is kept is not written twice.
const RECENT_COMMITS: usize = 8;

/// Kinds of attributes that the indexes of users cover.
const ATTRIBUTES: [&str; 3] = ["email", "phone", "username"];

/// Refuses a unit that no transition of the core makes: one with a record of another account, or
/// with one challenge twice. If it were recorded, it could replace an end that is recorded already.
fn check_form(change: &Change) -> Result<(), StoreError> {
    for (index, write) in change.writes.iter().enumerate() {
        let account = match write {
            Write::Account(_) | Write::RemoveAccount | Write::RemoveDevice(_) => continue,
            Write::Track(action) | Write::Action(action) => &action.account,
            Write::Event(event) => &event.account,
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

/// Returns the challenges among the writes of a unit.
fn challenges(writes: &[Write]) -> impl Iterator<Item = &Challenge> {
    writes.iter().filter_map(|write| {
        let Write::Challenge(challenge) = write else { return None };
        Some(challenge.as_ref())
    })
}

/// Error message of a full commit queue.
const COMMITS_FULL: &str = "too many commits are waiting";
/// Error message of a commit queue whose thread or task has ended.
const COMMITS_ENDED: &str = "its writer has ended";
/// Error message of a full queue of reads.
const READS_FULL: &str = "too many reads are waiting";

fn refused(reason: &str) -> StoreError {
    StoreError::Unavailable(reason.to_owned())
}

/// Locks a value even after a panic. Its users replace the value as a whole, so that a panic cannot
/// leave it half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the attributes of a record that the indexes cover, each with its kind, and with e-mail
/// addresses in lower case.
fn attributes(record: &AccountRecord) -> impl Iterator<Item = (&'static str, String)> {
    let profile = &record.profile;
    let lines = [&profile.email, &profile.phone_number, &profile.username];
    indexed(lines.map(|line| line.as_ref().map(Line::as_str)))
}

/// Returns the attributes that a query asks for, in the form of [`attributes`].
fn asked_attributes(query: &UserQuery) -> impl Iterator<Item = (&'static str, String)> {
    indexed([&query.email, &query.phone_number, &query.username].map(Option::as_deref))
}

fn indexed(
    [email, phone, username]: [Option<&str>; 3],
) -> impl Iterator<Item = (&'static str, String)> {
    let email = email.map(folded);
    let texts = [email, phone.map(str::to_owned), username.map(str::to_owned)];
    std::iter::zip(ATTRIBUTES, texts).filter_map(|(kind, text)| Some((kind, text?)))
}

/// Tells whether a user has all attributes of the query.
fn has_attributes(record: &AccountRecord, query: &UserQuery) -> bool {
    asked_attributes(query).all(|asked| attributes(record).any(|has| has == asked))
}

/// Returns an e-mail address in lower case, because people write an address in several ways. It
/// folds only ASCII letters: SQLite's `NOCASE` does the same, and no two other letters become one.
fn folded(email: &str) -> String {
    email.to_ascii_lowercase()
}

/// Sorts devices into the order in which every store lists them: oldest first.
fn sort_devices(devices: &mut [Device]) {
    devices.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
}

/// Sorts open challenges into the order in which every store lists them: oldest first.
fn sort_open(open: &mut [Challenge]) {
    open.sort_by(|a, b| (a.issued_at, &a.id).cmp(&(b.issued_at, &b.id)));
}
