//! Changes: the records of a transition, stored as one atomic unit of one account.

use std::sync::Arc;

use crate::action::Action;
use crate::challenge::Challenge;
use crate::device::Device;
use crate::event::Event;
use crate::id::{AccountKey, AuthenticatorId};
use crate::record::AccountRecord;
pub use crate::version::{CommitId, Version};

/// One record to store or to remove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// The account's own record, to be stored.
    Account(AccountRecord),
    /// Removes the account with its devices and actions. Its challenges stay until their retention
    /// ends. Its revision stays for as long as a commit of the account may still be under way.
    RemoveAccount,
    /// A new action, to be stored. The store refuses the change if the account has an action of the
    /// same name already.
    Track(Arc<Action>),
    /// An action, to be stored.
    Action(Arc<Action>),
    /// A challenge, to be stored. A store never replaces a recorded end by another end.
    Challenge(Arc<Challenge>),
    /// A device, to be stored.
    Device(Arc<Device>),
    /// Removes the device of this id.
    RemoveDevice(AuthenticatorId),
    /// An event, to be added to the outbox. It stays there if the account is removed.
    Event(Event),
}

/// A set of records of one account that the store writes in one atomic commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The account that the records belong to.
    pub account: AccountKey,
    /// The version of the account that the change was computed from. The store refuses the change
    /// if the account has another version.
    pub parent: Version,
    /// Name of the commit.
    pub id: CommitId,
    /// The records, in the order in which they are applied.
    pub writes: Vec<Write>,
}

impl Change {
    /// Returns the version of the account once the change is recorded.
    #[must_use]
    pub const fn version(&self) -> Version {
        Version { number: self.parent.number + 1, commit: self.id }
    }
}

/// A change, and the answer that the caller gets after the store has recorded the change.
#[derive(Clone, Debug)]
pub struct Transition<T> {
    /// The records to store.
    pub change: Change,
    /// The answer to the caller.
    pub answer: T,
}
