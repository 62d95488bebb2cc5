//! Entries of indexes.

use countersign_core::id::AccountKey;
use redis::Cmd;

pub(super) fn put(index: &str, score: u64, member: &str) -> Cmd {
    let mut cmd = redis::cmd("ZADD");
    cmd.arg(index).arg(score).arg(member);
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
