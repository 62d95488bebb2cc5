//! An account's record, and everything that the store keeps of an account.

use crate::challenge::Challenge;
use crate::device::Device;
use crate::fatigue::Counters;
use crate::profile::Profile;
use crate::ticket::Ticket;
use crate::time::UnixMillis;

/// The account's own record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRecord {
    /// Time at which the user was first seen.
    pub created_at: UnixMillis,
    /// The relying party's data about the user.
    pub profile: Profile,
    /// Counters of prompts and of wrong numbers.
    pub counters: Counters,
    /// Its tickets, oldest first. The next change of them drops those whose time is over.
    pub tickets: Vec<Ticket>,
}

/// An account as a store keeps it.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Its revision, 0 where it never was. A removed account keeps it.
    pub revision: u64,
    /// The account's own record.
    pub record: Option<AccountRecord>,
    /// Its devices.
    pub devices: Vec<Device>,
    /// Its challenges that have not ended.
    pub open: Vec<Challenge>,
}
