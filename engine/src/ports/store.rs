//! The store, whose records are final: an outcome exists once the store has recorded it.

use std::time::Duration;

use countersign_core::account::{AccountRecord, Snapshot};
use countersign_core::action::Action;
use countersign_core::challenge::{Challenge, Ended};
use countersign_core::change::{Change, Version};
use countersign_core::device::Device;
use countersign_core::event::Event;
use countersign_core::id::{
    AccountKey, ActionKey, ChallengeId, CredentialKey, EventId, TenantId, UserId,
};
pub use countersign_core::query::{ActionQuery, UserQuery};
use countersign_core::statement::Digest;
use countersign_core::time::UnixMillis;

use super::Later;

/// Error of the store. After a failed commit it is unknown whether the commit was recorded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The store cannot be reached, or has no room.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// The maximum number of calls waits for the store.
    #[error("the store is busy: {0}")]
    Busy(&'static str),
    /// The store was closed, because the server is shutting down.
    #[error("the store is closed")]
    Closed,
    /// A row cannot be read, because it is damaged or has an unknown format.
    #[error("a stored row cannot be read: {0}")]
    Unreadable(String),
}

/// Number of an account's newest cases in which a challenge is searched, so that the id of an
/// unknown challenge does not make the store read all of them. A case is an action that is not
/// under way, with its challenges.
pub const CASES_SEARCHED_MAX: usize = 1_024;

/// Future result of a call of the store.
pub type Answer<T> = Later<Result<T, StoreError>>;

/// The result of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Committed {
    /// The whole change is recorded.
    Recorded,
    /// The change is refused, because the account has an action of the name of a
    /// [`Write::Track`](countersign_core::change::Write::Track) already.
    Known(Box<Action>),
    /// The change is refused, because the account has another version than the change's parent.
    Stale {
        /// The version that is recorded.
        recorded: Version,
    },
    /// The change is refused, because a challenge in it already has a different end.
    Ended {
        /// The challenge.
        challenge: ChallengeId,
        /// The end that is recorded.
        recorded: Box<Ended>,
    },
}

/// Commits that were answered and are not recorded yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unwritten {
    /// Number of these commits.
    pub records: usize,
    /// Age of the oldest of these commits.
    pub oldest: Duration,
}

/// A record, with all data that another store needs to import it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A tenant's secret for signing its tokens.
    Secret(TenantId, [u8; 32]),
    /// The highest time that a server has recorded.
    LatestTime(UnixMillis),
    /// The record of an account, without devices and challenges.
    Account(AccountKey, AccountRecord),
    /// A device.
    Device(Device),
    /// An action.
    Action(Action),
    /// A challenge, open or ended.
    Challenge(Challenge),
    /// An event of the outbox.
    Event(Event),
}

/// One page of a store's records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The records. A record that cannot be read is replaced by its error.
    pub records: Vec<Result<Record, StoreError>>,
    /// Start of the next page; `None` after the last page.
    pub next: Option<Cursor>,
}

/// Position among the records of a store, in a format that only this store reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(pub String);

/// Storage of accounts, devices, actions, challenges and events.
///
/// If the operator has chosen asynchronous durability, the store answers some commits before it has
/// recorded them. It records them later, in their order, and reads wait for that.
/// [`crate::store::Durability`] lists these commits.
///
/// A commit is atomic: either all of its writes are recorded or none is. A read sees every commit
/// that was answered before the read was requested. Commits of one account are recorded in the
/// order in which they were requested. Every look-up uses an index, never a scan of all records.
pub trait Store: Send + Sync + 'static {
    /// Records a change, unless [`Committed`] has a reason against it: a challenge in the change
    /// already has a different end; else, the account does not have the change's parent version;
    /// else, an action to be tracked is known.
    ///
    /// A change whose name is among the last names of the account's commits is recorded already. It
    /// is answered so, and nothing is written again. [`CommitId::NONE`] names no commit.
    ///
    /// [`CommitId::NONE`]: countersign_core::change::CommitId::NONE
    fn commit(&self, change: Change) -> Answer<Committed>;

    /// Reads an account with its devices and open challenges. The snapshot of an unknown user is
    /// empty.
    ///
    /// The number of an account's version only rises. For at least one day that also holds across
    /// the account's removal, so that a commit for the removed account never fits a new account of
    /// the same name.
    fn account(&self, key: &AccountKey) -> Answer<Snapshot>;

    /// Reads an action of an account.
    fn action(&self, account: &AccountKey, key: &ActionKey) -> Answer<Option<Action>>;

    /// Lists actions of an account, newest first. The revision orders those of one millisecond. The
    /// number of the account's actions bounds the cost; without a filter by code or state, the
    /// limit of the query does.
    fn actions(&self, account: &AccountKey, query: ActionQuery) -> Answer<Vec<Action>>;

    /// Reads a challenge of an account, open or ended. Its action may be gone, because the account
    /// was removed. A challenge is found among the open ones and in the account's
    /// [`CASES_SEARCHED_MAX`] newest cases; an older one may be found or not.
    fn challenge(&self, account: &AccountKey, id: &ChallengeId) -> Answer<Option<Challenge>>;

    /// Reads every binding of a key.
    fn devices_of_key(&self, key: &CredentialKey) -> Answer<Vec<Device>>;

    /// Finds the account that has a ticket. A ticket that has expired may be found or not.
    fn account_of_ticket(&self, ticket: &Digest) -> Answer<Option<AccountKey>>;

    /// Lists users that have all the given attributes, ordered by id.
    fn users(&self, tenant: &TenantId, query: UserQuery) -> Answer<Vec<(UserId, AccountRecord)>>;

    /// Lists open challenges of all tenants that have expired at `now`, or that are held and were
    /// issued before `held_before`, oldest first.
    fn overdue(
        &self,
        now: UnixMillis,
        held_before: UnixMillis,
        limit: usize,
    ) -> Answer<Vec<Challenge>>;

    /// Lists events of all tenants that are due at `now`, ordered by the time at which they are
    /// due, and then by id.
    fn due_events(&self, now: UnixMillis, limit: usize) -> Answer<Vec<Event>>;

    /// Records the number of calls about an event, and the time of its next call. An event that was
    /// removed from the outbox is not added again. The version of its account does not change.
    fn put_off_event(&self, event: &Event) -> Answer<()>;

    /// Removes an event from the outbox, if it is there. The version of its account does not
    /// change.
    fn remove_event(&self, account: &AccountKey, id: &EventId) -> Answer<()>;

    /// Returns the secret that signs a tenant's tokens. If there is none yet, `fresh` is recorded
    /// and returned.
    fn token_secret(&self, tenant: &TenantId, fresh: [u8; 32]) -> Answer<[u8; 32]>;

    /// Deletes actions tracked before `actions_before`, challenges that ended before
    /// `challenges_before`, which is no earlier than `actions_before`, and the kept versions of
    /// accounts that were removed long ago. Returns the number of deleted records. An action stays
    /// while a challenge of it is open, so that no answer can meet another action of the same name.
    /// A store may keep
    /// an action until the last change of its state and the ends of its challenges are before
    /// `actions_before` as well.
    fn prune(&self, actions_before: UnixMillis, challenges_before: UnixMillis) -> Answer<u64>;

    /// Records `now` as the latest time, and returns the highest time that was recorded before, or
    /// `now` if there was none. The recorded time never falls.
    fn observe(&self, now: UnixMillis) -> Answer<UnixMillis>;

    /// Reads one page of all records, which starts at `from`. A record that does not change during
    /// the scan is in at least one page. Secrets and accounts come before all other records.
    ///
    /// A store that cannot scan its records returns [`StoreError::Unavailable`].
    fn scan(&self, from: Option<Cursor>) -> Answer<Page> {
        let _ = from;
        let refused = "it cannot be read as a whole".to_owned();
        Box::pin(std::future::ready(Err(StoreError::Unavailable(refused))))
    }

    /// Checks the files in which the store keeps its records, in addition to the check of each
    /// record.
    ///
    /// If a file is damaged, the result is [`StoreError::Unreadable`] with the fault.
    fn verify(&self) -> Answer<()> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// Returns the number of bytes that can still be recorded, or `None` if it is unknown. Only
    /// periodic work calls this, never a request.
    fn room(&self) -> Answer<Option<u64>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    /// Returns the number and the age of commits that were answered and are not recorded yet.
    fn unwritten(&self) -> Unwritten {
        Unwritten::default()
    }

    /// Returns the number of calls, since the store was opened, that met a row which cannot be
    /// read.
    fn unreadable(&self) -> u64 {
        0
    }

    /// Resolves with the reason when the store can no longer record anything. Then the process has
    /// to end, and a new process recovers from the records.
    fn broken(&self) -> Later<StoreError> {
        Box::pin(std::future::pending())
    }

    /// Checks that commits are being recorded. After the store has refused a commit because of an
    /// internal fault, the result is an error until a later commit is recorded, so somebody has to
    /// try one.
    ///
    /// # Errors
    /// [`StoreError`] with the reason why commits are not recorded.
    fn ready(&self) -> Result<(), StoreError>;

    /// Checks that an account's state in memory may be told. A store that may be used by another
    /// process meanwhile, or that has lost commits of the account, returns an error. The check
    /// reads memory alone.
    ///
    /// # Errors
    /// [`StoreError`] with the reason for which it may not.
    fn vouches(&self, account: &AccountKey) -> Result<(), StoreError> {
        let _ = account;
        Ok(())
    }

    /// Records the queued commits and closes the store. Later calls return [`StoreError::Closed`].
    fn close(&self) -> Answer<()>;
}
