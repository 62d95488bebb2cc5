//! Redis servers: their processes, their replication, and their deaths.

use crate::redis::{Partition, Place};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Primary,
    Replica,
    Down,
}

/// An answer that waits for the replica.
pub(crate) struct Held<T> {
    pub(crate) write: u64,
    pub(crate) answer: T,
}

pub(crate) struct Server<T> {
    /// Process; another after each start. Connections end with it.
    pub(crate) run: u64,
    /// Name of this process as the holder of its data, another after each change of its role.
    pub(crate) identity: u64,
    pub(crate) role: Role,
    pub(crate) data: Partition,
    /// The records that outlive the process.
    pub(crate) durable: Partition,
    /// Writes so far.
    pub(crate) writes: u64,
    /// Writes of its primary that a replica has carried out.
    pub(crate) copied: u64,
    /// It copies its writes to the other server.
    pub(crate) linked: bool,
    /// It is paused until then, and carries out later what arrives.
    pub(crate) frozen_until: u64,
    pub(crate) held: Vec<Held<T>>,
}

impl<T> Server<T> {
    pub(crate) fn new(run: u64, role: Role, data: Partition, durable: Partition) -> Self {
        let linked = matches!(role, Role::Primary);
        let (writes, copied, frozen_until, held) = (0, 0, 0, Vec::new());
        Self { run, identity: run, role, data, durable, writes, copied, linked, frozen_until, held }
    }

    pub(crate) const fn place(&self) -> Place {
        self.data.place
    }

    /// Takes the answers out that the replica's progress allows.
    pub(crate) fn confirmed(&mut self, write: u64) -> Vec<T> {
        let (done, held): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.held).into_iter().partition(|held| held.write <= write);
        self.held = held;
        done.into_iter().map(|held| held.answer).collect()
    }
}
