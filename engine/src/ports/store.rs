//! The store. It decides: an outcome exists when the store has recorded it.

use std::time::Duration;

use countersign_core::account::{AccountRecord, Snapshot};
use countersign_core::action::Action;
use countersign_core::challenge::{Challenge, Ended};
use countersign_core::change::Change;
use countersign_core::device::Device;
use countersign_core::event::Event;
use countersign_core::id::{
    AccountKey, ActionKey, ChallengeId, CredentialKey, EventId, TenantId, UserId,
};
pub use countersign_core::query::{ActionQuery, UserQuery};
use countersign_core::statement::Digest;
use countersign_core::time::UnixMillis;

use super::Later;

/// The store failed. After a failed commit it is unknown whether it was recorded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached, or has no room.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// It has as many calls waiting as it may have.
    #[error("the store is busy: {0}")]
    Busy(&'static str),
    /// It was closed, as it is at the end of the server.
    #[error("the store is closed")]
    Closed,
    /// A row cannot be read: damaged, or of a format that is not known.
    #[error("a stored row cannot be read: {0}")]
    Unreadable(String),
}

/// An answer of the store.
pub type Answer<T> = Later<Result<T, StoreError>>;

/// The result of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Committed {
    /// All of it is recorded.
    Recorded,
    /// The change is refused, because the account has another revision than expected.
    Stale {
        /// The revision that is recorded.
        recorded: u64,
    },
    /// The change is refused, because a challenge in it has another end already.
    Ended {
        /// The challenge.
        challenge: ChallengeId,
        /// The end that is recorded.
        recorded: Box<Ended>,
    },
}

/// Answers that are not recorded yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unwritten {
    /// Number of commits.
    pub records: usize,
    /// The age of the oldest.
    pub oldest: Duration,
}

/// A record, with all that another store needs to import it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A tenant's secret for signing its tokens.
    Secret(TenantId, [u8; 32]),
    /// The highest time that was seen.
    LatestTime(UnixMillis),
    /// A user's own record.
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

/// Some of the records of a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The records; in the place of one that cannot be read, why.
    pub records: Vec<Result<Record, StoreError>>,
    /// Place to go on at; `None` at the end.
    pub next: Option<Cursor>,
}

/// A place among the records of a store, in the store's own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(pub String);

/// Keeps accounts, devices, actions and challenges.
///
/// Where the operator has chosen so, a commit that may lag is answered before it is recorded; it is
/// recorded in its turn, and reads wait for it. [`crate::store::Durability`] lists the commits that
/// may lag.
///
/// A commit is one atomic unit: either every write of it is recorded or none is. Reads see every
/// commit whose answer was given before the read was asked for. Commits of one account are recorded
/// in the order in which they were given. All look-ups are answered from an index, never by a scan
/// of everything.
pub trait Store: Send + Sync + 'static {
    /// Records a change if the account has the expected revision and no challenge in it has ended
    /// otherwise; see [`Committed`].
    fn commit(&self, change: Change) -> Answer<Committed>;

    /// An account with its devices and open challenges; empty where the user is unknown.
    ///
    /// Revisions of an account only rise, also over its removal, for a day at least: a commit that
    /// was made for a user before never fits the one who is made anew.
    fn account(&self, key: &AccountKey) -> Answer<Snapshot>;

    /// An action of an account.
    fn action(&self, account: &AccountKey, key: &ActionKey) -> Answer<Option<Action>>;

    /// Lists actions of an account, newest first. The cost is bounded by the limit, for every code
    /// and state of the filter.
    fn actions(&self, account: &AccountKey, query: ActionQuery) -> Answer<Vec<Action>>;

    /// A challenge, open or ended.
    fn challenge(&self, tenant: &TenantId, id: &ChallengeId) -> Answer<Option<Challenge>>;

    /// Every binding of a key.
    fn devices_of_key(&self, key: &CredentialKey) -> Answer<Vec<Device>>;

    /// The account that has a ticket. One whose time is over may be found or not.
    fn account_of_ticket(&self, ticket: &Digest) -> Answer<Option<AccountKey>>;

    /// Users with all the given attributes, by id.
    fn users(&self, tenant: &TenantId, query: UserQuery) -> Answer<Vec<(UserId, AccountRecord)>>;

    /// Challenges of all tenants that have not ended although their time is over, or that are held
    /// since before `held_before`, oldest first.
    fn overdue(
        &self,
        now: UnixMillis,
        held_before: UnixMillis,
        limit: usize,
    ) -> Answer<Vec<Challenge>>;

    /// Events of all tenants that are due at `now`, by when they are due and then by id.
    fn due_events(&self, now: UnixMillis, limit: usize) -> Answer<Vec<Event>>;

    /// Records how often an event was told and when it is due next, if it is in the outbox; one
    /// that was taken out does not come back. It is no change of its account, whose revision stays.
    fn put_off_event(&self, event: &Event) -> Answer<()>;

    /// Takes an event out of the outbox, if it is there. The revision of its account stays.
    fn remove_event(&self, account: &AccountKey, id: &EventId) -> Answer<()>;

    /// A tenant's secret for signing its tokens: `fresh` is recorded if there is none yet.
    fn token_secret(&self, tenant: &TenantId, fresh: [u8; 32]) -> Answer<[u8; 32]>;

    /// Forgets actions tracked before `actions_before`, challenges that ended before
    /// `challenges_before`, and the revisions of accounts that are removed for long. The answer is
    /// how many records went.
    fn prune(&self, actions_before: UnixMillis, challenges_before: UnixMillis) -> Answer<u64>;

    /// Records that it is `now`, and answers the highest time that was recorded before; `now` where
    /// there is none. The recorded time never falls.
    fn observe(&self, now: UnixMillis) -> Answer<UnixMillis>;

    /// Some of all the records, and where the next are. A record that does not change meanwhile is
    /// in one of the pages at least; secrets and accounts come before all else.
    ///
    /// A store that cannot do that answers [`StoreError::Unavailable`].
    fn scan(&self, from: Option<Cursor>) -> Answer<Page> {
        let _ = from;
        let refused = "it cannot be read as a whole".to_owned();
        Box::pin(std::future::ready(Err(StoreError::Unavailable(refused))))
    }

    /// Checks the files that keep the records, beyond the records themselves.
    ///
    /// The answer is [`StoreError::Unreadable`] with the fault if one is damaged.
    fn verify(&self) -> Answer<()> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// Bytes that can still be recorded; absent if unknown. Periodic work asks for it, never a
    /// request.
    fn room(&self) -> Answer<Option<u64>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    /// Answers that are not recorded yet.
    fn unwritten(&self) -> Unwritten {
        Unwritten::default()
    }

    /// Number of calls that met a row which cannot be read, since the store was opened.
    fn unreadable(&self) -> u64 {
        0
    }

    /// Resolves, with the reason, when the store can record nothing any more. The process has to
    /// end then, and a new one recovers from the records.
    fn broken(&self) -> Later<StoreError> {
        Box::pin(std::future::pending())
    }

    /// Tells whether commits are being recorded. After a refusal for a reason of the store's own,
    /// it is an error until a commit is recorded again: somebody has to try.
    ///
    /// # Errors
    /// [`StoreError`]: why they are not.
    fn ready(&self) -> Result<(), StoreError>;

    /// Records the queued units and closes. Later calls are answered [`StoreError::Closed`].
    fn close(&self) -> Answer<()>;
}
