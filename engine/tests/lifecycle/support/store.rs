//! A store that fails on command. It wraps a working store, and keeps a journal of the recorded
//! ends.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use countersign_core::account::{AccountRecord, Snapshot};
use countersign_core::action::Action;
use countersign_core::challenge::{Challenge, Ended};
use countersign_core::change::{Change, CommitId, Write};
use countersign_core::device::Device;
use countersign_core::event::Event;
use countersign_core::fatigue::Counters;
use countersign_core::id::{
    AccountKey, ActionKey, ChallengeId, CredentialKey, EventId, TenantId, UserId,
};
use countersign_core::statement::Digest;
use countersign_core::time::UnixMillis;
use countersign_engine::ports::Later;
use countersign_engine::ports::store::{
    ActionQuery, Committed, Cursor, Page, Store, StoreError, UserQuery,
};
use tokio::sync::oneshot;

/// Fault of a commit.
pub(crate) enum Fault {
    /// Nothing is recorded, and the reply is an error that says that the result is unknown.
    LostBefore,
    /// The commit is recorded, and its reply is lost.
    LostAfter,
    /// The commit arrives twice, and the caller gets the second reply.
    Twice,
    /// The account changes elsewhere just before the commit, which is refused.
    Elsewhere,
    /// The commit is recorded once the test opens the gate.
    Delayed(Gate),
    /// The call panics.
    Panic,
}

/// Commit that a fault applies to.
#[derive(Clone, Copy)]
pub(crate) enum Which {
    Next,
    /// The next commit that ends a challenge.
    End,
}

/// Store's side of a gate, which delays a commit.
pub(crate) struct Gate {
    arrived: oneshot::Sender<()>,
    opened: oneshot::Receiver<()>,
}

/// Test's side of a gate.
pub(crate) struct Held {
    /// Resolves when the commit has reached the gate.
    pub(crate) arrived: oneshot::Receiver<()>,
    open: oneshot::Sender<()>,
}

impl Held {
    pub(crate) fn open(self) {
        self.open.send(()).unwrap();
    }
}

pub(crate) fn gate() -> (Gate, Held) {
    let (arrive, arrived) = oneshot::channel();
    let (open, opened) = oneshot::channel();
    (Gate { arrived: arrive, opened }, Held { arrived, open })
}

/// Recorded ends, each with the name of its commit.
type Journal = Arc<Mutex<HashMap<ChallengeId, Vec<(CommitId, Ended)>>>>;

pub(crate) struct FaultyStore {
    inner: Arc<dyn Store>,
    planned: Mutex<VecDeque<(usize, Which, Fault)>>,
    /// True during an outage: every commit fails, and nothing is recorded.
    pub(crate) is_out: AtomicBool,
    /// True while another server can own the store, so that memory may not be told.
    pub(crate) is_in_doubt: AtomicBool,
    /// Number of further reads that fail.
    pub(crate) reads_failing: AtomicUsize,
    commits: AtomicUsize,
    journal: Journal,
}

fn lost() -> StoreError {
    StoreError::Unavailable("the reply was lost".to_owned())
}

impl FaultyStore {
    pub(crate) fn over(inner: Arc<dyn Store>) -> Self {
        Self {
            inner,
            planned: Mutex::default(),
            is_out: false.into(),
            is_in_doubt: false.into(),
            reads_failing: 0.into(),
            commits: 0.into(),
            journal: Journal::default(),
        }
    }

    pub(crate) fn plan(&self, which: Which, fault: Fault) {
        self.plan_after(0, which, fault);
    }

    /// Plans a fault after the previously planned one. `skipped` matching commits pass before it.
    pub(crate) fn plan_after(&self, skipped: usize, which: Which, fault: Fault) {
        self.planned.lock().unwrap().push_back((skipped, which, fault));
    }

    /// Returns the number of requested commits.
    pub(crate) fn commits(&self) -> usize {
        self.commits.load(Ordering::SeqCst)
    }

    /// Returns the recorded end of a challenge. It reads the wrapped store, so that no fault
    /// applies.
    pub(crate) async fn recorded(&self, challenge: &Challenge) -> Option<Ended> {
        let found = self.inner.challenge(&challenge.account, &challenge.id).await.unwrap();
        found.and_then(|c| c.ended)
    }

    /// Returns the recorded number of notifications for a challenge, without faults.
    pub(crate) async fn notifications(&self, account: &AccountKey, id: &ChallengeId) -> u32 {
        let found = self.inner.challenge(account, id).await.unwrap();
        found.unwrap().notifications
    }

    /// Returns the recorded number of tries of a challenge's number, without faults.
    pub(crate) async fn tries(&self, challenge: &Challenge) -> u32 {
        let found = self.inner.challenge(&challenge.account, &challenge.id).await.unwrap();
        found.unwrap().number.unwrap().tries
    }

    /// Returns the recorded counters of an account, without faults.
    pub(crate) async fn counters(&self, account: &AccountKey) -> Counters {
        self.inner.account(account).await.unwrap().record.unwrap().counters
    }

    /// Returns every event in the outbox, without faults.
    pub(crate) async fn events(&self) -> Vec<Event> {
        self.inner.due_events(UnixMillis(u64::MAX), 100).await.unwrap()
    }

    /// Returns all ends that were ever recorded, by challenge.
    pub(crate) fn journal(&self) -> HashMap<ChallengeId, Vec<Ended>> {
        let journal = self.journal.lock().unwrap();
        let ends = |ends: &Vec<(CommitId, Ended)>| ends.iter().map(|(_, e)| e.clone()).collect();
        journal.iter().map(|(id, recorded)| (id.clone(), ends(recorded))).collect()
    }

    fn fault_of(&self, change: &Change) -> Option<Fault> {
        if self.is_out.load(Ordering::SeqCst) {
            return Some(Fault::LostBefore);
        }
        let mut planned = self.planned.lock().unwrap();
        let (skipped, which, _) = planned.front_mut()?;
        let is_meant = match which {
            Which::Next => true,
            Which::End => ends(change).next().is_some(),
        };
        if !is_meant || *skipped > 0 {
            *skipped = skipped.saturating_sub(usize::from(is_meant));
            return None;
        }
        planned.pop_front().map(|(_, _, fault)| fault)
    }

    fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce() -> Later<Result<T, StoreError>>,
    ) -> Later<Result<T, StoreError>> {
        let less = |left: usize| left.checked_sub(1);
        match self.reads_failing.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less) {
            Ok(_) => Box::pin(std::future::ready(Err(lost()))),
            Err(_) => read(),
        }
    }
}

fn ends(change: &Change) -> impl Iterator<Item = (&ChallengeId, &Ended)> {
    change.writes.iter().filter_map(|write| {
        let Write::Challenge(challenge) = write else { return None };
        challenge.ended.as_ref().map(|ended| (&challenge.id, ended))
    })
}

async fn record(
    inner: Arc<dyn Store>,
    change: Change,
    journal: Journal,
) -> Result<Committed, StoreError> {
    let committed = inner.commit(change.clone()).await?;
    if committed == Committed::Recorded {
        let mut journal = journal.lock().unwrap();
        for (id, ended) in ends(&change) {
            let (ends, end) = (journal.entry(id.clone()).or_default(), (change.id, ended.clone()));
            if !ends.contains(&end) {
                ends.push(end);
            }
        }
    }
    Ok(committed)
}

impl Store for FaultyStore {
    fn commit(&self, change: Change) -> Later<Result<Committed, StoreError>> {
        self.commits.fetch_add(1, Ordering::SeqCst);
        let fault = self.fault_of(&change);
        let (inner, journal) = (self.inner.clone(), self.journal.clone());
        let recording = record(inner.clone(), change.clone(), journal.clone());
        match fault {
            None => Box::pin(recording),
            Some(Fault::LostBefore) => Box::pin(std::future::ready(Err(lost()))),
            Some(Fault::LostAfter) => Box::pin(async move {
                recording.await?;
                Err(lost())
            }),
            Some(Fault::Twice) => Box::pin(async move {
                recording.await?;
                record(inner, change, journal).await
            }),
            Some(Fault::Delayed(gate)) => Box::pin(async move {
                // The test may have dropped its receiver.
                let _ = gate.arrived.send(());
                gate.opened.await.expect("the test opens every gate");
                recording.await
            }),
            Some(Fault::Elsewhere) => Box::pin(async move {
                let Snapshot { version, record, .. } = inner.account(&change.account).await?;
                let writes = record.into_iter().map(Write::Account).collect();
                let (account, id) = (change.account.clone(), CommitId(!change.id.0));
                let other = Change { account, parent: version, id, writes };
                assert_eq!(inner.commit(other).await?, Committed::Recorded);
                recording.await
            }),
            Some(Fault::Panic) => panic!("a planned bug in a commit"),
        }
    }

    fn account(&self, key: &AccountKey) -> Later<Result<Snapshot, StoreError>> {
        self.read(|| self.inner.account(key))
    }

    fn action(
        &self,
        account: &AccountKey,
        key: &ActionKey,
    ) -> Later<Result<Option<Action>, StoreError>> {
        self.read(|| self.inner.action(account, key))
    }

    fn actions(
        &self,
        account: &AccountKey,
        query: ActionQuery,
    ) -> Later<Result<Vec<Action>, StoreError>> {
        self.inner.actions(account, query)
    }

    fn challenge(
        &self,
        account: &AccountKey,
        id: &ChallengeId,
    ) -> Later<Result<Option<Challenge>, StoreError>> {
        self.read(|| self.inner.challenge(account, id))
    }

    fn devices_of_key(&self, key: &CredentialKey) -> Later<Result<Vec<Device>, StoreError>> {
        self.read(|| self.inner.devices_of_key(key))
    }

    fn account_of_ticket(&self, ticket: &Digest) -> Later<Result<Option<AccountKey>, StoreError>> {
        self.read(|| self.inner.account_of_ticket(ticket))
    }

    fn users(
        &self,
        tenant: &TenantId,
        query: UserQuery,
    ) -> Later<Result<Vec<(UserId, AccountRecord)>, StoreError>> {
        self.inner.users(tenant, query)
    }

    fn overdue(
        &self,
        now: UnixMillis,
        held_before: UnixMillis,
        limit: usize,
    ) -> Later<Result<Vec<Challenge>, StoreError>> {
        self.inner.overdue(now, held_before, limit)
    }

    fn due_events(&self, now: UnixMillis, limit: usize) -> Later<Result<Vec<Event>, StoreError>> {
        self.inner.due_events(now, limit)
    }

    fn put_off_event(&self, event: &Event) -> Later<Result<(), StoreError>> {
        self.inner.put_off_event(event)
    }

    fn remove_event(&self, account: &AccountKey, id: &EventId) -> Later<Result<(), StoreError>> {
        self.inner.remove_event(account, id)
    }

    fn token_secret(
        &self,
        tenant: &TenantId,
        fresh: [u8; 32],
    ) -> Later<Result<[u8; 32], StoreError>> {
        self.inner.token_secret(tenant, fresh)
    }

    fn prune(
        &self,
        actions_before: UnixMillis,
        challenges_before: UnixMillis,
    ) -> Later<Result<u64, StoreError>> {
        self.inner.prune(actions_before, challenges_before)
    }

    fn observe(&self, now: UnixMillis) -> Later<Result<UnixMillis, StoreError>> {
        self.inner.observe(now)
    }

    fn scan(&self, from: Option<Cursor>) -> Later<Result<Page, StoreError>> {
        self.inner.scan(from)
    }

    fn ready(&self) -> Result<(), StoreError> {
        self.inner.ready()
    }

    fn vouches(&self, account: &AccountKey) -> Result<(), StoreError> {
        match self.is_in_doubt.load(Ordering::SeqCst) {
            true => Err(lost()),
            false => self.inner.vouches(account),
        }
    }

    fn close(&self) -> Later<Result<(), StoreError>> {
        self.inner.close()
    }
}
