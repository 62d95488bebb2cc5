//! Redis servers, with their processes and their replication.

use crate::redis::{Partition, Place};
use crate::rules::{Circumstances, Rule};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Primary,
    Replica,
    Down,
}

/// An answer that waits until the replica has confirmed a write.
pub(crate) struct Held<T> {
    pub(crate) write: u64,
    pub(crate) answer: T,
}

pub(crate) struct Server<T> {
    /// Number of the process. It changes when the process dies, and connections end with it.
    pub(crate) run: u64,
    /// Identity of the process as the holder of its data. It changes after each start and each
    /// change of its role.
    pub(crate) identity: u64,
    pub(crate) role: Role,
    pub(crate) data: Partition,
    /// The data that survive the process.
    pub(crate) durable: Partition,
    /// Number of writes so far.
    pub(crate) writes: u64,
    /// Number of the primary's last write that this replica has.
    pub(crate) copied: u64,
    /// True if the server copies its writes to the other server.
    pub(crate) linked: bool,
    /// End of a pause. Requests that arrive in the pause are handled at its end.
    pub(crate) frozen_until: u64,
    pub(crate) held: Vec<Held<T>>,
}

impl<T> Server<T> {
    pub(crate) fn new(run: u64, role: Role, data: Partition, durable: Partition) -> Self {
        let linked = matches!(role, Role::Primary);
        let (writes, copied, frozen_until, held) = (0, 0, 0, Vec::new());
        Self { run, identity: run, role, data, durable, writes, copied, linked, frozen_until, held }
    }

    /// Returns the server and the epoch that a request has to know. Without [`Rule::Identity`] the
    /// server is the one that the data name.
    pub(crate) fn place(&self, rules: Circumstances) -> Place {
        let epoch = self.data.place.epoch;
        let server = self.data.place.server;
        Place { server: if rules.has(Rule::Identity) { self.identity } else { server }, epoch }
    }

    /// Removes and returns the answers that wait for writes up to `write`.
    pub(crate) fn confirmed(&mut self, write: u64) -> Vec<T> {
        let (done, held): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.held).into_iter().partition(|held| held.write <= write);
        self.held = held;
        done.into_iter().map(|held| held.answer).collect()
    }
}
