//! An account's own record, and the stored state of an account.

use crate::challenge::Challenge;
use crate::device::Device;
use crate::fatigue::Counters;
use crate::profile::Profile;
use crate::ticket::Ticket;
use crate::time::UnixMillis;
use crate::version::Version;

/// The account's own record: profile, counters and tickets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRecord {
    /// Time at which the user was created.
    pub created_at: UnixMillis,
    /// The relying party's data about the user.
    pub profile: Profile,
    /// Counts of prompts, denials, reports and typed numbers.
    pub counters: Counters,
    /// The account's tickets, oldest first. A later change of tickets or attributes drops those
    /// that have expired.
    pub tickets: Vec<Ticket>,
}

/// The stored state of an account.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The account's version. A removed account keeps its version.
    pub version: Version,
    /// The account's own record: profile, counters and tickets.
    pub record: Option<AccountRecord>,
    /// The account's devices.
    pub devices: Vec<Device>,
    /// The account's challenges that have not ended.
    pub open: Vec<Challenge>,
}
