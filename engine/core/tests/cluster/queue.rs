//! Events of a run, ordered by their time.

use crate::call::Call;
use crate::message::{News, Reply, Request, Timer};
use crate::redis::Partition;

/// A connection of a node's process. Messages bear it, so that a node ignores messages of an
/// earlier connection or process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    pub(crate) host: usize,
    pub(crate) life: u64,
    pub(crate) generation: u64,
}

#[derive(Clone, Debug)]
pub(crate) enum Event {
    Arrive {
        line: Line,
        server: usize,
        run: u64,
        number: u64,
        request: Request,
    },
    Reply {
        line: Line,
        number: u64,
        reply: Reply,
    },
    News {
        line: Line,
        news: News,
    },
    Timer {
        line: Line,
        timer: Timer,
    },
    /// A node notices that its connection has ended.
    Broken {
        line: Line,
    },
    Connect {
        line: Line,
    },
    Start {
        host: usize,
    },
    Client,
    /// A client's call reaches a node.
    Call {
        host: usize,
        call: Box<Call>,
    },
    Fault,
    /// A Redis server starts again after its process died. This event and those below concern Redis
    /// only.
    Restart {
        server: usize,
    },
    Sync,
    Copied {
        from: u64,
        to: usize,
        write: u64,
        data: Box<Partition>,
    },
    Confirmed {
        server: usize,
        run: u64,
        write: u64,
    },
    WaitOver {
        server: usize,
        run: u64,
        write: u64,
    },
    Promote,
    Demote {
        server: usize,
    },
}

/// An event with its time in milliseconds, and its order among events of the same time.
pub(crate) struct Entry(pub(crate) u64, pub(crate) u64, pub(crate) Event);

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        (self.0, self.1) == (other.0, other.1)
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.0, self.1).cmp(&(other.0, other.1))
    }
}
