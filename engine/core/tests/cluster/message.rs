//! Messages between nodes, Redis and the world, and everything that a node is given with an input.

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
    /// A unit, from a node that knows the partition at that place.
    Commit(Unit, Place),
    Sequence,
    /// A small write.
    Beat,
    /// Acknowledged commits are missing.
    Report,
}

impl Request {
    pub(crate) const fn writes(&self) -> bool {
        !matches!(self, Self::Read(_) | Self::Sequence)
    }

    /// A replica refuses it. A check asks for the role too: until somebody opens the partition on
    /// the new primary, the data of a demoted server still names that server, and a node that only
    /// reads would take them for the truth.
    pub(crate) const fn needs_primary(&self) -> bool {
        !matches!(self, Self::Read(_))
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Partition(Box<Partition>),
    Account(Rc<Stored>, Guard),
    Committed(Answer),
    Sequence(Guard),
    Written,
    /// The replica has not confirmed the write in time.
    Unconfirmed,
    /// The server is no primary any more.
    ReadOnly,
}

/// The end of every pipeline.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guard {
    pub(crate) place: Place,
    pub(crate) sequence: u64,
    pub(crate) lost: bool,
}

/// News of a commit.
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
    /// The end of a poll, or of a pause of a call.
    Call(u64),
}

#[derive(Clone, Debug)]
pub(crate) enum Effect {
    /// A request of that number, over the present connection.
    Send(u64, Request),
    Tell(Call, Told),
    Timer(u64, Timer),
    /// The connection is of no use.
    Disconnect,
    /// Something that a run is to reach.
    Reached(&'static str),
}

/// Everything that a node is given besides its input.
pub(crate) struct Desk<'a> {
    pub(crate) now: u64,
    pub(crate) rules: Circumstances,
    pub(crate) limits: &'a Limits,
    pub(crate) rng: &'a mut Rng,
    /// Numbers that were not given out before.
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
