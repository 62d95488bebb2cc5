//! Rules that keep many nodes over one Redis consistent. A run can leave out each rule, to show
//! that it is needed.

/// A rule for commits, reads or polls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// A commit is recorded only on the version that it was made from.
    Parent,
    /// A commit that is sent again is recognised by its id.
    CommitId,
    /// A commit that is sent again is not repeated if Redis may have forgotten its id.
    Forgotten,
    /// The script writes only if the node knows the partition's present server and epoch.
    Epoch,
    /// The script and the guard of a read ask the server for its identity, because the data may
    /// name an earlier one. A server that was demoted and promoted again continues from other data,
    /// in the same process. Until a node opens the partition, these data name the server as it was
    /// at first, and the connection of a node that slept meanwhile is still alive.
    Identity,
    /// A node that finds a new epoch compares the commits that it acknowledged with the sequence
    /// number at which the new epoch began.
    Compare,
    /// A node accepts a read only from the server and the epoch that it knows.
    ReadGuard,
    /// A poll reads the account from Redis first, even if its node has the account in memory.
    FirstLook,
    /// A poll is registered for news before it reads, so that no news between are missed.
    InterestFirst,
    /// A node that finds a gap in the sequence numbers of the news makes all its polls read again.
    Gap,
    /// A node regularly compares the partition's sequence number with that of the latest news.
    Check,
    /// A commit is acknowledged after the replica has confirmed it.
    Wait,
    /// A node accepts a read only within a short time after a write that the replica has confirmed.
    ReadConfirmed,
    /// A node answers with an end that another node recorded only after the replica has confirmed
    /// it.
    EndConfirmed,
}

pub(crate) const RULES: [Rule; 14] = [
    Rule::Parent,
    Rule::CommitId,
    Rule::Forgotten,
    Rule::Epoch,
    Rule::Identity,
    Rule::Compare,
    Rule::ReadGuard,
    Rule::FirstLook,
    Rule::InterestFirst,
    Rule::Gap,
    Rule::Check,
    Rule::Wait,
    Rule::ReadConfirmed,
    Rule::EndConfirmed,
];

/// The setup of Redis in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setup {
    /// One server that syncs every write.
    Alone,
    /// A server that syncs every write, and a replica that has to confirm every write. The replica
    /// may replace the server while it still answers.
    Replicated,
    /// One server that loses its last writes when it dies. A loss is allowed but has to be
    /// reported.
    Lossy,
    /// A server, and a replica that confirms no writes. The replica may replace the server without
    /// its last writes. A loss is allowed but has to be reported.
    Unconfirmed,
}

impl Setup {
    /// Returns true if there is a replica.
    pub(crate) const fn has_replica(self) -> bool {
        matches!(self, Self::Replicated | Self::Unconfirmed)
    }
}

/// The setup of a run, and the rule that it leaves out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Circumstances {
    pub(crate) setup: Setup,
    /// The rule that the run leaves out, if any.
    pub(crate) without: Option<Rule>,
}

impl Circumstances {
    pub(crate) fn has(self, rule: Rule) -> bool {
        self.without != Some(rule)
    }

    /// Returns true if commits wait for the replica's confirmation.
    pub(crate) fn waits(self) -> bool {
        self.setup == Setup::Replicated && self.has(Rule::Wait)
    }
}
