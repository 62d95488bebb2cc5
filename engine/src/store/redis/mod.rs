//! The store in Redis: one key for each record, one conditional script for each unit. Groups of
//! units use one connection, reads another.
//!
//! `scripts/commit.lua` applies a unit. Before it writes, it checks the revision and the recorded
//! ends. It also recognises a unit that it has recorded before, so that a unit whose reply was lost
//! can be sent again. `owner` makes sure that only one server writes. `journal` writes lost records
//! again. `unit` keeps the indexes complete through a crash.

mod commit_task;
mod emails;
mod entry;
mod group;
mod health;
mod index_cleanup;
mod job;
mod journal;
mod keys;
mod link;
mod lookups;
mod owner;
mod reader;
mod recovery;
mod reply;
mod room;
mod scan;
mod script;
mod settings;
mod startup;
mod tickets;
mod trouble;
mod unit;
mod verify;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use countersign_core::account::{AccountRecord, Snapshot};
use countersign_core::action::Action;
use countersign_core::challenge::Challenge;
use countersign_core::change::Change;
use countersign_core::device::Device;
use countersign_core::event::Event;
use countersign_core::id::{
    AccountKey, ActionKey, ChallengeId, CredentialKey, EventId, TenantId, UserId,
};
use countersign_core::statement::Digest;
use countersign_core::time::UnixMillis;
use tokio::sync::{mpsc, oneshot};

use self::health::Health;
use self::job::{Caller, Job, Queued};
pub use self::owner::ABSENT;
use self::reader::Reader;
use self::reply::Said;
use self::settings::Retention;
pub use self::settings::{Opening, RedisSettings};
use self::trouble::Trouble;
use self::unit::Unit;
use super::durability::may_lag;
use super::failures::Failures;
use super::intake::Intake;
use super::{COMMITS_ENDED, COMMITS_FULL, check_form, lock, refused};
use crate::ports::store::{
    ActionQuery, Answer, Committed, Cursor, Page, Store, StoreError, Unwritten, UserQuery,
};
use crate::ports::{Entropy, Later};
use crate::system::Stopwatch;

/// A store that keeps everything in one Redis.
///
/// If it is dropped without [`Store::close`], its thread still records the queued units.
pub struct RedisStore {
    jobs: Intake<Job>,
    reader: Reader,
    health: Arc<Health>,
    failures: Arc<Failures>,
    /// Resolves once the store's thread has ended.
    ended: Mutex<Option<oneshot::Receiver<()>>>,
    commits: AtomicU64,
}

struct Opened {
    jobs: mpsc::Sender<Job>,
    reader: Reader,
    health: Arc<Health>,
}

impl RedisStore {
    /// Connects and takes ownership of the store. Logs a warning for each setting of Redis that
    /// could lose records.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if Redis cannot be reached or another server uses it,
    /// [`StoreError::Unreadable`] if the layout of its keys is unknown.
    pub async fn open(
        settings: RedisSettings,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, StoreError> {
        let (opened, opening) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let run = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            match runtime {
                Ok(runtime) => runtime.block_on(startup::serve(settings, entropy, opened)),
                Err(error) => {
                    let _ = opened.send(Err(refused(&format!("no runtime: {error}"))));
                }
            }
            let _ = end.send(());
        };
        std::thread::Builder::new()
            .name("store-redis".to_owned())
            .spawn(run)
            .map_err(|error| refused(&format!("no thread: {error}")))?;
        let Opened { jobs, reader, health } =
            opening.await.unwrap_or_else(|_| Err(StoreError::Closed))?;
        let jobs = Intake::new(jobs, COMMITS_FULL, COMMITS_ENDED);
        let ended = Mutex::new(Some(ended));
        let failures = Arc::clone(&reader.failures);
        Ok(Self { jobs, reader, health, failures, ended, commits: AtomicU64::new(0) })
    }

    fn read<T, F, R>(&self, query: F) -> Answer<T>
    where
        T: Send + 'static,
        F: Fn(Reader) -> R + Send + 'static,
        R: Future<Output = Result<T, Trouble>> + Send,
    {
        self.failures.watch(self.reader.read(query))
    }

    /// Queues a unit at once. The future only waits for the answer. `early` is the answer for a
    /// unit that may be answered before it is recorded; the later result must be the same.
    fn submit<T: Send + 'static>(
        &self,
        unit: Unit,
        early: Option<T>,
        read: fn(Said) -> Result<T, Trouble>,
    ) -> Answer<T> {
        let queued = self.jobs.send(|| {
            let since = Stopwatch::start();
            if let Some((answer, number)) =
                early.and_then(|answer| Some((answer, self.health.admit()?)))
            {
                let answer: Answer<_> = Box::pin(std::future::ready(Ok(answer)));
                let queued = Queued { unit, caller: None, told: Some(number), since };
                return (Job::Record(queued), answer);
            }
            let (reply, answer) = oneshot::channel();
            let caller: Caller = Box::new(move |said| {
                let answer = said.and_then(|said| read(said).map_err(StoreError::from));
                // If the caller no longer waits, the answer is dropped.
                let _ = reply.send(answer);
            });
            let queued = Queued { unit, caller: Some(caller), told: None, since };
            let ended = |_| Err(refused(COMMITS_ENDED));
            let answer: Answer<_> = Box::pin(async move { answer.await.unwrap_or_else(ended) });
            (Job::Record(queued), answer)
        });
        let answer = queued.unwrap_or_else(|error| Box::pin(std::future::ready(Err(error))));
        self.failures.watch(answer)
    }
}

impl Store for RedisStore {
    fn commit(&self, change: Change) -> Answer<Committed> {
        if let Err(error) = check_form(&change) {
            return Box::pin(async move { Err(error) });
        }
        let number = self.commits.fetch_add(1, Ordering::Relaxed);
        let id = format!("{}-{number}", self.health.owner.token);
        let early = may_lag(&change).then_some(Committed::Recorded);
        self.submit(Unit::Commit { change, id }, early, reply::committed)
    }

    fn account(&self, key: &AccountKey) -> Answer<Snapshot> {
        let key = key.clone();
        self.read(move |reader| lookups::account(reader, key.clone()))
    }

    fn action(&self, account: &AccountKey, key: &ActionKey) -> Answer<Option<Action>> {
        let (account, key) = (account.clone(), key.clone());
        self.read(move |reader| lookups::action(reader, account.clone(), key.clone()))
    }

    fn actions(&self, account: &AccountKey, query: ActionQuery) -> Answer<Vec<Action>> {
        let account = account.clone();
        self.read(move |reader| lookups::actions(reader, account.clone(), query.clone()))
    }

    fn challenge(&self, account: &AccountKey, id: &ChallengeId) -> Answer<Option<Challenge>> {
        let (account, id) = (account.clone(), id.clone());
        self.read(move |reader| lookups::challenge(reader, account.clone(), id.clone()))
    }

    fn devices_of_key(&self, key: &CredentialKey) -> Answer<Vec<Device>> {
        let key = key.clone();
        self.read(move |reader| lookups::devices_of_key(reader, key.clone()))
    }

    fn account_of_ticket(&self, ticket: &Digest) -> Answer<Option<AccountKey>> {
        let ticket = *ticket;
        self.read(move |reader| lookups::account_of_ticket(reader, ticket))
    }

    fn users(&self, tenant: &TenantId, query: UserQuery) -> Answer<Vec<(UserId, AccountRecord)>> {
        let tenant = tenant.clone();
        self.read(move |reader| lookups::users(reader, tenant.clone(), query.clone()))
    }

    fn overdue(
        &self,
        now: UnixMillis,
        held_before: UnixMillis,
        limit: usize,
    ) -> Answer<Vec<Challenge>> {
        self.read(move |reader| lookups::overdue(reader, now, held_before, limit))
    }

    fn due_events(&self, now: UnixMillis, limit: usize) -> Answer<Vec<Event>> {
        self.read(move |reader| lookups::due_events(reader, now, limit))
    }

    fn put_off_event(&self, event: &Event) -> Answer<()> {
        self.submit(Unit::PutOff(event.clone()), None, reply::nothing)
    }

    fn remove_event(&self, account: &AccountKey, id: &EventId) -> Answer<()> {
        self.submit(Unit::RemoveEvent(account.clone(), id.clone()), None, reply::nothing)
    }

    fn token_secret(&self, tenant: &TenantId, fresh: [u8; 32]) -> Answer<[u8; 32]> {
        self.submit(Unit::Secret { tenant: tenant.clone(), fresh }, None, reply::secret)
    }

    fn prune(&self, actions_before: UnixMillis, challenges_before: UnixMillis) -> Answer<u64> {
        let sent = self.jobs.send(|| {
            let (reply, answer) = oneshot::channel();
            (Job::Prune { actions_before, challenges_before, reply }, answer)
        });
        self.failures.watch(Box::pin(async move {
            sent?.await.unwrap_or_else(|_| Err(refused("Redis does not record")))
        }))
    }

    fn observe(&self, now: UnixMillis) -> Answer<UnixMillis> {
        self.submit(Unit::Observe(now), None, reply::observed)
    }

    fn scan(&self, from: Option<Cursor>) -> Answer<Page> {
        self.read(move |reader| scan::page(reader, from.clone()))
    }

    fn verify(&self) -> Answer<()> {
        self.read(verify::indexes)
    }

    fn room(&self) -> Answer<Option<u64>> {
        self.read(room::room)
    }

    fn unwritten(&self) -> Unwritten {
        self.health.lag.unwritten()
    }

    fn unreadable(&self) -> u64 {
        self.failures.unreadable()
    }

    fn broken(&self) -> Later<StoreError> {
        self.health.broken()
    }

    fn ready(&self) -> Result<(), StoreError> {
        self.jobs.ready()?;
        self.health.ready()
    }

    fn close(&self) -> Answer<()> {
        self.jobs.close();
        let ended = lock(&self.ended).take();
        let health = Arc::clone(&self.health);
        Box::pin(async move {
            let ended = ended.ok_or(StoreError::Closed)?;
            ended.await.map_err(|_| refused("its thread has panicked"))?;
            health.check()
        })
    }
}
