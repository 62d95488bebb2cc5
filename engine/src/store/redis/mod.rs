//! The store in Redis: one snapshot per record, one conditional script per unit, groups of units on
//! one connection, reads on another.
//!
//! `scripts/commit.lua` makes the changes of a unit; it checks the revision and the recorded ends
//! before it writes, and recognises a unit that it has recorded before, so that one whose answer
//! was lost is sent again. `owner` names the one server that may write; `journal` gives a Redis its
//! lost records back; `unit` keeps the indexes right through a crash.

mod async_commit;
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
mod ticket_lookup;
mod tickets;
mod trouble;
mod unit;
mod verify;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

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
use self::job::{Done, Job, Queued};
pub use self::owner::ABSENT;
use self::reader::Reader;
use self::settings::Retention;
pub use self::settings::{Opening, RedisSettings};
use self::unit::Unit;
use super::durability::may_lag;
use super::{TOO_MANY, check_form, closed, refused};
use crate::ports::store::{
    ActionQuery, Committed, Cursor, Page, Store, StoreError, Unwritten, UserQuery,
};
use crate::ports::{Entropy, Later};
use crate::system::Stopwatch;

/// Keeps everything in one Redis.
///
/// Dropped without [`Store::close`], it still records the queued units, on its own thread.
pub struct RedisStore {
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    reader: Reader,
    health: Arc<Health>,
    /// Resolves when the thread has ended.
    ended: Mutex<Option<oneshot::Receiver<()>>>,
    commits: AtomicU64,
}

struct Opened {
    jobs: mpsc::Sender<Job>,
    reader: Reader,
    health: Arc<Health>,
}

impl RedisStore {
    /// Connects, becomes the one server that writes, and warns of settings of Redis that could lose
    /// records.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if it cannot be reached or another server uses it,
    /// [`StoreError::Unreadable`] if its layout is not known.
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
        let Opened { jobs, reader, health } = opening.await.unwrap_or_else(|_| Err(closed()))?;
        let (jobs, ended) = (Mutex::new(Some(jobs)), Mutex::new(Some(ended)));
        Ok(Self { jobs, reader, health, ended, commits: AtomicU64::new(0) })
    }

    fn send(&self, job: Job) -> Result<(), StoreError> {
        let jobs = lock(&self.jobs);
        place(jobs.as_ref()).map(|place| place.send(job))
    }

    /// Queues a unit at once; the future is only the wait for its answer.
    fn submit(&self, unit: Unit) -> Later<Result<Done, StoreError>> {
        let lags = matches!(&unit, Unit::Commit { change, .. } if may_lag(change));
        // Under the lock, so that units are numbered in the order in which they are queued.
        let jobs = lock(&self.jobs);
        let place = match place(jobs.as_ref()) {
            Ok(place) => place,
            Err(error) => return Box::pin(std::future::ready(Err(error))),
        };
        let told = lags.then(|| self.health.admit()).flatten();
        let (reply, answer) = oneshot::channel();
        let reply = told.is_none().then_some(reply);
        place.send(Job::Record(Queued { unit, reply, told, since: Stopwatch::start() }));
        if told.is_some() {
            let recorded = Done::Commit(Committed::Recorded);
            return Box::pin(std::future::ready(Ok(recorded)));
        }
        Box::pin(
            async move { answer.await.unwrap_or_else(|_| Err(refused("its writer has ended"))) },
        )
    }

    fn event(&self, unit: Unit) -> Later<Result<(), StoreError>> {
        let answer = self.submit(unit);
        Box::pin(async move {
            let Done::Event = answer.await? else { return Err(mixed_up()) };
            Ok(())
        })
    }
}

/// A place in the queue, if the store is open and there is one.
fn place(jobs: Option<&mpsc::Sender<Job>>) -> Result<mpsc::Permit<'_, Job>, StoreError> {
    let jobs = jobs.ok_or_else(closed)?;
    jobs.try_reserve().map_err(|error| match error {
        mpsc::error::TrySendError::Full(()) => refused(TOO_MANY),
        mpsc::error::TrySendError::Closed(()) => refused("its writer has ended"),
    })
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn mixed_up() -> StoreError {
    refused("the writer gave the answer of another request")
}

impl Store for RedisStore {
    fn commit(&self, change: Change) -> Later<Result<Committed, StoreError>> {
        if let Err(error) = check_form(&change) {
            return Box::pin(async move { Err(error) });
        }
        let number = self.commits.fetch_add(1, Ordering::Relaxed);
        let id = format!("{}-{number}", self.health.owner.name());
        let answer = self.submit(Unit::Commit { change, id });
        Box::pin(async move {
            let Done::Commit(committed) = answer.await? else { return Err(mixed_up()) };
            Ok(committed)
        })
    }

    fn account(&self, key: &AccountKey) -> Later<Result<Snapshot, StoreError>> {
        let key = key.clone();
        self.reader.read(move |reader| lookups::account(reader, key.clone()))
    }

    fn action(
        &self,
        account: &AccountKey,
        key: &ActionKey,
    ) -> Later<Result<Option<Action>, StoreError>> {
        let (account, key) = (account.clone(), key.clone());
        self.reader.read(move |reader| lookups::action(reader, account.clone(), key.clone()))
    }

    fn actions(
        &self,
        account: &AccountKey,
        query: ActionQuery,
    ) -> Later<Result<Vec<Action>, StoreError>> {
        let account = account.clone();
        self.reader.read(move |reader| lookups::actions(reader, account.clone(), query.clone()))
    }

    fn challenge(
        &self,
        tenant: &TenantId,
        id: &ChallengeId,
    ) -> Later<Result<Option<Challenge>, StoreError>> {
        let (tenant, id) = (tenant.clone(), id.clone());
        self.reader.read(move |reader| lookups::challenge(reader, tenant.clone(), id.clone()))
    }

    fn devices_of_key(&self, key: &CredentialKey) -> Later<Result<Vec<Device>, StoreError>> {
        let key = key.clone();
        self.reader.read(move |reader| lookups::devices_of_key(reader, key.clone()))
    }

    fn account_of_ticket(&self, ticket: &Digest) -> Later<Result<Option<AccountKey>, StoreError>> {
        let ticket = *ticket;
        self.reader.read(move |reader| ticket_lookup::account_of(reader, ticket))
    }

    fn users(
        &self,
        tenant: &TenantId,
        query: UserQuery,
    ) -> Later<Result<Vec<(UserId, AccountRecord)>, StoreError>> {
        let tenant = tenant.clone();
        self.reader.read(move |reader| lookups::users(reader, tenant.clone(), query.clone()))
    }

    fn overdue(
        &self,
        now: UnixMillis,
        held_before: UnixMillis,
        limit: usize,
    ) -> Later<Result<Vec<Challenge>, StoreError>> {
        self.reader.read(move |reader| lookups::overdue(reader, now, held_before, limit))
    }

    fn due_events(&self, now: UnixMillis, limit: usize) -> Later<Result<Vec<Event>, StoreError>> {
        self.reader.read(move |reader| lookups::due_events(reader, now, limit))
    }

    fn put_off_event(&self, event: &Event) -> Later<Result<(), StoreError>> {
        self.event(Unit::PutOff(event.clone()))
    }

    fn remove_event(&self, account: &AccountKey, id: &EventId) -> Later<Result<(), StoreError>> {
        self.event(Unit::RemoveEvent(account.clone(), id.clone()))
    }

    fn token_secret(
        &self,
        tenant: &TenantId,
        fresh: [u8; 32],
    ) -> Later<Result<[u8; 32], StoreError>> {
        let answer = self.submit(Unit::Secret { tenant: tenant.clone(), fresh });
        Box::pin(async move {
            let Done::Secret(secret) = answer.await? else { return Err(mixed_up()) };
            Ok(secret)
        })
    }

    fn prune(
        &self,
        actions_before: UnixMillis,
        challenges_before: UnixMillis,
    ) -> Later<Result<u64, StoreError>> {
        let (reply, answer) = oneshot::channel();
        let sent = self.send(Job::Prune { actions_before, challenges_before, reply });
        Box::pin(async move {
            sent?;
            answer.await.unwrap_or_else(|_| Err(refused("Redis does not record")))
        })
    }

    fn observe(&self, now: UnixMillis) -> Later<Result<UnixMillis, StoreError>> {
        let answer = self.submit(Unit::Observe(now));
        Box::pin(async move {
            let Done::Observed(before) = answer.await? else { return Err(mixed_up()) };
            Ok(before)
        })
    }

    fn scan(&self, from: Option<Cursor>) -> Later<Result<Page, StoreError>> {
        self.reader.read(move |reader| scan::page(reader, from.clone()))
    }

    fn verify(&self) -> Later<Result<(), StoreError>> {
        self.reader.read(verify::indexes)
    }

    fn room(&self) -> Later<Result<Option<u64>, StoreError>> {
        self.reader.read(room::room)
    }

    fn unwritten(&self) -> Unwritten {
        self.health.unwritten()
    }

    fn broken(&self) -> Later<StoreError> {
        self.health.broken()
    }

    fn ready(&self) -> Result<(), StoreError> {
        place(lock(&self.jobs).as_ref())?;
        self.health.ready()
    }

    fn close(&self) -> Later<Result<(), StoreError>> {
        let open = lock(&self.jobs).take();
        let ended = lock(&self.ended).take();
        let health = Arc::clone(&self.health);
        drop(open);
        Box::pin(async move {
            let ended = ended.ok_or_else(closed)?;
            ended.await.map_err(|_| refused("its thread has panicked"))?;
            health.check()
        })
    }
}
