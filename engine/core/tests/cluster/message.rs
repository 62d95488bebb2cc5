//! Messages between nodes, Redis and the world, and the context of a node's inputs.

use std::rc::Rc;

use countersign_core::policy::Limits;
use fastrand::Rng;

use crate::call::{Call, Told};
use crate::redis::{Answer, Partition, Place, Stored, Unit};
use crate::rules::Circumstances;

#[derive(Clone, Debug)]
pub(crate) enum Request {
    Open,
    Read(usize),
    /// A commit of a unit. The node knows the partition under this server and epoch.
    Commit(Unit, Place),
    Sequence,
    /// A small write, whose reply shows that the replica confirms writes.
    Beat,
    /// A report that acknowledged commits are missing.
    Report,
}

impl Request {
    /// Returns true if a replica refuses the request.
    pub(crate) const fn writes(&self) -> bool {
        !matches!(self, Self::Read(_) | Self::Sequence)
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Partition(Box<Partition>),
    Account(Rc<Stored>, Guard),
    Committed(Answer),
    Sequence(Guard),
    Written,
    /// The replica did not confirm the write in time.
    Unconfirmed,
    /// The server is not the primary any more.
    ReadOnly,
}

/// State of the partition. Each account and each sequence number that a node reads comes with it,
/// so that the node can check the source of the reply.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guard {
    pub(crate) place: Place,
    pub(crate) sequence: u64,
    pub(crate) lost: bool,
}

/// A message to all connected nodes that a commit was recorded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct News {
    pub(crate) epoch: u64,
    pub(crate) sequence: u64,
    pub(crate) user: usize,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Timer {
    Check,
    Beat,
    /// The end of a poll, or of a pause, of the call with this id.
    Call(u64),
}

#[derive(Clone, Debug)]
pub(crate) enum Effect {
    /// Sends the request of this number over the present connection.
    Send(u64, Request),
    Tell(Call, Told),
    Timer(u64, Timer),
    /// Ends the connection, because it is of no use.
    Disconnect,
    /// Counts a case that the runs have to reach.
    Reached(&'static str),
}

/// Context that a node gets with each input: the time, the rules, random numbers, and a list for
/// its effects.
pub(crate) struct Desk<'a> {
    pub(crate) now: u64,
    pub(crate) rules: Circumstances,
    pub(crate) limits: &'a Limits,
    pub(crate) rng: &'a mut Rng,
    /// Last number that was used. Each new id takes the next number.
    pub(crate) fresh: &'a mut u64,
    pub(crate) effects: Vec<Effect>,
}

impl Desk<'_> {
    pub(crate) fn fresh(&mut self) -> u64 {
        *self.fresh += 1;
        *self.fresh
    }

    pub(crate) fn tell(&mut self, call: Call, told: Told) {
        self.effects.push(Effect::Tell(call, told));
    }

    pub(crate) fn timer(&mut self, in_ms: u64, timer: Timer) {
        self.effects.push(Effect::Timer(self.now + in_ms, timer));
    }
}
