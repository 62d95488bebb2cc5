//! Changes: the records of a transition, stored as one atomic unit of one account.

use std::sync::Arc;

use crate::action::Action;
use crate::challenge::Challenge;
use crate::device::Device;
use crate::event::Event;
use crate::id::{AccountKey, AuthenticatorId};
use crate::record::AccountRecord;

/// One record to put in place or take out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// The account's own record.
    Account(AccountRecord),
    /// The account with its devices and actions; its challenges stay until their retention ends,
    /// and its revision for as long as a commit can be on its way.
    RemoveAccount,
    /// An action.
    Action(Arc<Action>),
    /// A challenge. A store never replaces a recorded end by another.
    Challenge(Arc<Challenge>),
    /// A device.
    Device(Arc<Device>),
    /// A device that is taken out.
    RemoveDevice(AuthenticatorId),
    /// An event, put into the outbox. It stays there if the account is removed.
    Event(Event),
}

/// A unit of records that change together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The account they belong to.
    pub account: AccountKey,
    /// The account's revision that the change was made from, 0 where it never was. The store
    /// refuses the change if it has another, and records this one plus 1.
    pub expected: u64,
    /// The records, in order.
    pub writes: Vec<Write>,
}

/// A change, and the answer once it is recorded.
#[derive(Clone, Debug)]
pub struct Transition<T> {
    /// The records to store.
    pub change: Change,
    /// The answer to the caller.
    pub answer: T,
}
