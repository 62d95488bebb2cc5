//! Versions of an account, and the names of its commits.

/// Random name of a commit. Two commits with the same parent have different names, and a commit
/// that is sent again, because its answer was lost, has the same name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CommitId(pub u64);

impl CommitId {
    /// The name that the core gives to its changes. The writer of the account replaces it.
    pub const NONE: Self = Self(0);
}

/// Version of an account: the number of its commits, and the name of the last one. Only the name
/// tells two versions with the same number apart, which exist if a store has lost commits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Version {
    /// Number of commits of the account so far.
    pub number: u64,
    /// Name of the last commit.
    pub commit: CommitId,
}

impl Version {
    /// The version of an account that was never stored.
    pub const NONE: Self = Self { number: 0, commit: CommitId::NONE };
}
