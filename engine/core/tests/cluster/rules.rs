//! The rules that keep many nodes over one Redis right. Each can be left out, to see a run fail.

/// One rule of the commit, of the reads, or of the polls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// A commit is recorded only on the version that it was made from.
    Parent,
    /// A commit that is sent again is known by its id.
    CommitId,
    /// A commit that is sent again, and whose id may be forgotten, is not run again.
    Forgotten,
    /// A script writes only to the server and the epoch that its node knows.
    Epoch,
    /// A node that meets a new epoch compares what it knew with what was found.
    Compare,
    /// The answer of a read counts only from the server and the epoch that its node knows.
    ReadGuard,
    /// A poll reads the account first, whatever its node remembers.
    FirstLook,
    /// A poll is registered before it reads, so that no news falls between.
    InterestFirst,
    /// A node that missed news, by the sequence of the next, has its polls look.
    Gap,
    /// A node compares the sequence with the news that it has had.
    Check,
    /// A commit is acknowledged once the replica has it.
    Wait,
    /// A read counts only soon after a write that the replica has confirmed.
    ReadConfirmed,
    /// An end that another node recorded is told once the replica has it.
    EndConfirmed,
}

pub(crate) const RULES: [Rule; 13] = [
    Rule::Parent,
    Rule::CommitId,
    Rule::Forgotten,
    Rule::Epoch,
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

/// The Redis of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setup {
    /// One server that syncs every write.
    Alone,
    /// A server that syncs every write and a replica that has to confirm them; it may be replaced
    /// while it still answers.
    Replicated,
    /// One server that loses its last writes when it dies. Nobody promised more: a loss has to be
    /// reported.
    Lossy,
    /// A replica that confirms nothing takes over, without the last writes. A loss has to be
    /// reported here too.
    Unconfirmed,
}

impl Setup {
    /// Tells whether there is a replica.
    pub(crate) const fn has_replica(self) -> bool {
        matches!(self, Self::Replicated | Self::Unconfirmed)
    }
}

/// The circumstances of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Circumstances {
    pub(crate) setup: Setup,
    /// The rule that is left out.
    pub(crate) without: Option<Rule>,
}

impl Circumstances {
    pub(crate) fn has(self, rule: Rule) -> bool {
        self.without != Some(rule)
    }

    /// Tells whether commits wait for a replica.
    pub(crate) fn waits(self) -> bool {
        self.setup == Setup::Replicated && self.has(Rule::Wait)
    }
}
