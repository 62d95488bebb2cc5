//! Entries of indexes, and the check of an entry against its record.

use countersign_core::account::AccountRecord;
use countersign_core::challenge::Challenge;
use countersign_core::device::Device;
use countersign_core::event::Event;
use countersign_core::id::{AccountKey, AuthenticatorId};
use redis::{Cmd, Value};

use super::keys::{self, AccountNames, Digest};
use super::reply::{row, unexpected};
use super::trouble::Trouble;

pub(super) fn put(index: &str, score: u64, member: &str) -> Cmd {
    let mut cmd = redis::cmd("ZADD");
    cmd.arg(index).arg(score).arg(member);
    cmd
}

pub(super) fn get(key: String) -> Cmd {
    let mut cmd = redis::cmd("GET");
    cmd.arg(key);
    cmd
}

pub(super) fn row_of(key: String) -> Cmd {
    let mut cmd = redis::cmd("HGET");
    cmd.arg(key).arg("row");
    cmd
}

/// An index entry whose record may be missing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Entry {
    /// Key of the index.
    pub(super) index: String,
    /// Member of the index.
    pub(super) member: String,
    pub(super) kind: Kind,
}

/// The kind of an index entry. It holds the account if the member does not name it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// A user, in an index of users or of an attribute.
    User(AccountKey),
    /// A ticket of this account.
    Ticket(AccountKey),
    /// A binding of a key to a device of this account.
    Binding(AccountKey),
    /// An open challenge.
    Open,
    /// An event in the outbox.
    Event,
}

impl Entry {
    /// Makes the entry of a user in an index of users.
    pub(super) fn of_user(index: String, account: AccountKey) -> Self {
        Self { index, member: account.user.as_str().to_owned(), kind: Kind::User(account) }
    }

    pub(super) fn of_device(device: &Device) -> Self {
        Self {
            index: keys::bindings(&device.credential()),
            member: binding(&device.account, &device.id),
            kind: Kind::Binding(device.account.clone()),
        }
    }

    /// Returns the command that reads the entry's record.
    pub(super) fn record(&self) -> Result<Cmd, Trouble> {
        Ok(match &self.kind {
            Kind::User(account) | Kind::Ticket(account) => {
                row_of(AccountNames::of(account).account())
            }
            Kind::Binding(account) => {
                let id = self.member.split(' ').next().unwrap_or_default();
                get(AccountNames::of(account).prefix("device") + id)
            }
            Kind::Open => {
                let (names, id) = named_challenge(&self.member)?;
                row_of(names.challenge(&id))
            }
            Kind::Event => {
                let named = keys::parse_event_member(&self.member);
                let (names, id) = named.ok_or_else(|| unexpected("an unknown event"))?;
                get(names.event(&id))
            }
        })
    }

    /// Tells whether the record that [`Self::record`] has read belongs to the entry.
    pub(super) fn stands(&self, value: Value) -> Result<bool, Trouble> {
        let index = &self.index;
        Ok(match &self.kind {
            Kind::User(account) => row::<AccountRecord>(value)?
                .is_some_and(|record| keys::attributes(&account.tenant, &record).contains(index)),
            Kind::Ticket(_) => row::<AccountRecord>(value)?.is_some_and(|record| {
                record.tickets.iter().any(|ticket| keys::ticket(&ticket.digest) == *index)
            }),
            Kind::Binding(_) => row::<Device>(value)?
                .is_some_and(|device| keys::bindings(&device.credential()) == *index),
            Kind::Open => {
                row::<Challenge>(value)?.is_some_and(|challenge| stands_open(index, &challenge))
            }
            Kind::Event => row::<Event>(value)?.is_some(),
        })
    }
}

/// Tells whether a challenge belongs into this index of open or held challenges.
pub(super) fn stands_open(index: &str, challenge: &Challenge) -> bool {
    challenge.ended.is_none() && (index == keys::DUE || challenge.held)
}

pub(super) fn named_challenge(member: &str) -> Result<(AccountNames, Digest), Trouble> {
    keys::parse_member(member).ok_or_else(|| unexpected("an unknown challenge"))
}

/// Returns the member for a binding in the index of its key. The user's id is the last part,
/// because it may contain a space.
pub(super) fn binding(account: &AccountKey, id: &AuthenticatorId) -> String {
    format!("{} {}", keys::device_id(id).as_str(), account.user.as_str())
}
