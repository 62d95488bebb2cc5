//! Entries of indexes.

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

/// An entry of an index that may have no record behind it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Entry {
    /// A user in an index of users.
    User {
        /// The index.
        index: String,
        /// The user.
        account: AccountKey,
    },
    /// A ticket: whose it is.
    Ticket {
        /// The index.
        index: String,
        /// The entry.
        member: String,
        /// The account.
        account: AccountKey,
    },
    /// A binding of a key: the device that was bound.
    Binding {
        /// The index.
        index: String,
        /// The entry.
        member: String,
        /// The account of the device.
        account: AccountKey,
    },
    /// A challenge in an index of open ones.
    Open {
        /// The index.
        index: &'static str,
        /// The entry.
        member: String,
    },
    /// An event.
    Event {
        /// The entry.
        member: String,
    },
}

impl Entry {
    pub(super) fn of_device(device: &Device) -> Self {
        Self::Binding {
            index: keys::bindings(&device.credential()),
            member: binding(&device.account, &device.id),
            account: device.account.clone(),
        }
    }

    pub(super) fn index(&self) -> &str {
        match self {
            Self::User { index, .. } | Self::Binding { index, .. } | Self::Ticket { index, .. } => {
                index
            }
            Self::Open { index, .. } => index,
            Self::Event { .. } => keys::EVENTS,
        }
    }

    pub(super) fn member(&self) -> &str {
        match self {
            Self::User { account, .. } => account.user.as_str(),
            Self::Binding { member, .. }
            | Self::Open { member, .. }
            | Self::Event { member }
            | Self::Ticket { member, .. } => member,
        }
    }

    /// The command for the record behind the entry.
    pub(super) fn record(&self) -> Result<Cmd, Trouble> {
        Ok(match self {
            Self::Event { member } => {
                let named = keys::parse_event_member(member);
                let (names, id) = named.ok_or_else(|| unexpected("an unknown event"))?;
                get(names.event(&id))
            }
            Self::User { account, .. } | Self::Ticket { account, .. } => {
                row_of(AccountNames::of(account).account())
            }
            Self::Binding { member, account, .. } => {
                let id = member.split(' ').next().unwrap_or_default();
                get(AccountNames::of(account).prefix("device") + id)
            }
            Self::Open { member, .. } => {
                let (names, id) = named_challenge(member)?;
                row_of(names.challenge(&id))
            }
        })
    }

    /// Tells whether that record agrees with the entry.
    pub(super) fn stands(&self, value: Value) -> Result<bool, Trouble> {
        Ok(match self {
            Self::User { index, account } => row::<AccountRecord>(value)?
                .is_some_and(|record| keys::attributes(&account.tenant, &record).contains(index)),
            Self::Ticket { index, .. } => row::<AccountRecord>(value)?.is_some_and(|record| {
                let mut tickets = record.tickets.iter();
                tickets.any(|ticket| keys::ticket(&ticket.digest) == *index)
            }),
            Self::Binding { index, .. } => row::<Device>(value)?
                .is_some_and(|device| keys::bindings(&device.credential()) == *index),
            Self::Open { index, .. } => {
                row::<Challenge>(value)?.is_some_and(|challenge| stands_open(index, &challenge))
            }
            Self::Event { .. } => row::<Event>(value)?.is_some(),
        })
    }
}

/// Tells whether a challenge belongs into an index of open ones.
pub(super) fn stands_open(index: &str, challenge: &Challenge) -> bool {
    challenge.ended.is_none() && (index == keys::DUE || challenge.held)
}

pub(super) fn named_challenge(member: &str) -> Result<(AccountNames, Digest), Trouble> {
    keys::parse_member(member).ok_or_else(|| unexpected("an unknown challenge"))
}

/// Entry of a binding in the index of its key. The user's id is last, because it may hold a space.
pub(super) fn binding(account: &AccountKey, id: &AuthenticatorId) -> String {
    format!("{} {}", keys::device_id(id).as_str(), account.user.as_str())
}
