//! The store in Redis: one hash for each account, and one script call for each group of units.
//!
//! The script that `scripts/units.lua` begins applies units. It records a change only if the
//! account is still at the version that the change was made from, and recognises a unit that it has
//! recorded before, so that a unit whose reply was lost can be sent again. `start` takes the lock,
//! and opens the 64 partitions in a new epoch, by which a Redis that lost records is noticed.
//! `write` sends the units, `read` reads.

mod epochs;
mod health;
mod keys;
mod link;
mod live;
mod owner;
mod partitions;
mod read;
mod reply;
mod script;
mod settings;
mod start;
#[cfg(test)]
mod tests;
mod trouble;
mod write;

use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use countersign_core::account::{AccountRecord, Snapshot};
use countersign_core::action::Action;
use countersign_core::challenge::Challenge;
use countersign_core::change::{Change, Write};
use countersign_core::device::Device;
use countersign_core::event::Event;
use countersign_core::id::{
    AccountKey, ActionKey, ChallengeId, CredentialKey, EventId, TenantId, UserId,
};
use countersign_core::statement::Digest;
use countersign_core::time::UnixMillis;
use tokio::sync::oneshot;

use self::health::Health;
use self::keys::Bucket;
use self::read::Reader;
pub use self::settings::{Opening, RedisSettings};
pub use self::start::Loss;
pub use self::trouble::ABSENT;
use self::trouble::Trouble;
use self::write::{Commit, Job, Track, Tracked, Unit, Waiting};
use super::durability::may_lag;
use super::failures::Failures;
use super::intake::Intake;
use super::{COMMITS_ENDED, COMMITS_FULL, check_form, lock, refused};
use crate::ports::store::{
    ActionQuery, Answer, Committed, Cursor, Page, Store, StoreError, Unwritten, UserQuery,
};
use crate::ports::{Entropy, Later};

/// A store that keeps everything in one Redis.
///
/// If it is dropped without [`Store::close`], its thread still records the queued units.
pub struct RedisStore {
    jobs: Arc<Intake<Job>>,
    reader: Reader,
    health: Arc<Health>,
    failures: Arc<Failures>,
    /// The latest bucket before which lifecycles that were left behind are removed.
    walked: Arc<AtomicU16>,
    /// Resolves once the store's thread has ended.
    ended: Mutex<Option<oneshot::Receiver<()>>>,
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
                Ok(runtime) => runtime.block_on(start::serve(settings, entropy, opened)),
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
        let start::Opened { jobs, reader, health } =
            opening.await.unwrap_or_else(|_| Err(StoreError::Closed))?;
        let jobs = Arc::new(Intake::new(jobs, COMMITS_FULL, COMMITS_ENDED));
        let ended = Mutex::new(Some(ended));
        let failures = Arc::clone(&reader.failures);
        let walked = Arc::default();
        Ok(Self { jobs, reader, health, failures, walked, ended })
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
    fn submit<U: Unit>(&self, unit: U, early: Option<U::Answer>) -> Answer<U::Answer> {
        let queued = self.jobs.send(|| {
            if let Some((answer, number)) =
                early.and_then(|answer| Some((answer, self.health.admit()?)))
            {
                let answer: Answer<_> = Box::pin(std::future::ready(Ok(answer)));
                return (Job::Record(Waiting::told(&unit, Some(number))), answer);
            }
            waiting(unit)
        });
        let answer = queued.unwrap_or_else(|error| Box::pin(std::future::ready(Err(error))));
        self.failures.watch(answer)
    }

    /// Queues a commit that tracks actions. A known action whose retention is over is replaced, so
    /// that there are more rounds than actions.
    fn track(&self, commit: Commit, tracks: usize) -> Answer<Committed> {
        let (jobs, old) = (Arc::clone(&self.jobs), Arc::clone(&self.reader.old));
        let first = self.jobs.send(|| waiting(Track::new(commit, old.actions_before())));
        self.failures.watch(Box::pin(async move {
            let mut answer = first?.await?;
            for _ in 0..tracks {
                match answer {
                    Tracked::Told(committed) => return Ok(committed),
                    Tracked::Old(over) => {
                        let over = || waiting(Track::new(*over, old.actions_before()));
                        answer = jobs.send(over)?.await?;
                    }
                }
            }
            match answer {
                Tracked::Told(committed) => Ok(committed),
                Tracked::Old(_) => Err(refused("the old action has changed meanwhile")),
            }
        }))
    }
}

/// Makes a job whose caller waits for the answer.
fn waiting<U: Unit>(unit: U) -> (Job, Answer<U::Answer>) {
    let (unit, answer) = Waiting::new(unit);
    let ended = |_| Err(refused(COMMITS_ENDED));
    (Job::Record(unit), Box::pin(async move { answer.await.unwrap_or_else(ended) }))
}

impl Store for RedisStore {
    fn commit(&self, change: Change) -> Answer<Committed> {
        if let Err(error) = check_form(&change) {
            return Box::pin(async move { Err(error) });
        }
        if may_lag(&change) {
            return self.submit(Commit::new(change), Some(Committed::Recorded));
        }
        let tracks = change.writes.iter().filter(|write| matches!(write, Write::Track(_))).count();
        if tracks == 0 {
            return self.submit(Commit::new(change), None);
        }
        self.track(Commit::new(change), tracks)
    }

    fn account(&self, key: &AccountKey) -> Answer<Snapshot> {
        let key = key.clone();
        self.read(move |reader| read::account(reader, key.clone()))
    }

    fn action(&self, account: &AccountKey, key: &ActionKey) -> Answer<Option<Action>> {
        let (account, key) = (account.clone(), key.clone());
        self.read(move |reader| read::action(reader, account.clone(), key.clone()))
    }

    fn actions(&self, account: &AccountKey, query: ActionQuery) -> Answer<Vec<Action>> {
        let account = account.clone();
        self.read(move |reader| read::actions(reader, account.clone(), query.clone()))
    }

    fn challenge(&self, account: &AccountKey, id: &ChallengeId) -> Answer<Option<Challenge>> {
        let (account, id) = (account.clone(), id.clone());
        self.read(move |reader| read::challenge(reader, account.clone(), id.clone()))
    }

    fn devices_of_key(&self, key: &CredentialKey) -> Answer<Vec<Device>> {
        let key = key.clone();
        self.read(move |reader| read::devices_of_key(reader, key.clone()))
    }

    fn account_of_ticket(&self, ticket: &Digest) -> Answer<Option<AccountKey>> {
        let ticket = *ticket;
        self.read(move |reader| read::account_of_ticket(reader, ticket))
    }

    fn users(&self, tenant: &TenantId, query: UserQuery) -> Answer<Vec<(UserId, AccountRecord)>> {
        let tenant = tenant.clone();
        self.read(move |reader| read::users(reader, tenant.clone(), query.clone()))
    }

    fn overdue(
        &self,
        now: UnixMillis,
        held_before: UnixMillis,
        limit: usize,
    ) -> Answer<Vec<Challenge>> {
        self.read(move |reader| read::overdue(reader, now, held_before, limit))
    }

    fn due_events(&self, now: UnixMillis, limit: usize) -> Answer<Vec<Event>> {
        self.read(move |reader| read::due_events(reader, now, limit))
    }

    fn put_off_event(&self, event: &Event) -> Answer<()> {
        self.submit(write::put_off(event), None)
    }

    fn remove_event(&self, account: &AccountKey, id: &EventId) -> Answer<()> {
        self.submit(write::remove_event(account, id), None)
    }

    fn token_secret(&self, tenant: &TenantId, fresh: [u8; 32]) -> Answer<[u8; 32]> {
        self.submit(write::secret(tenant, fresh), None)
    }

    fn prune(&self, actions_before: UnixMillis, challenges_before: UnixMillis) -> Answer<u64> {
        self.reader.old.raise(actions_before, challenges_before);
        let (jobs, before) = (Arc::clone(&self.jobs), Bucket::of(actions_before));
        let walked = Arc::clone(&self.walked);
        // The buckets expire by themselves, so that a walk is needed only once for each of them.
        if walked.load(Ordering::Acquire) >= before.0 {
            return Box::pin(std::future::ready(Ok(0)));
        }
        let left = self.read(move |reader| read::left_behind(reader, before));
        self.failures.watch(Box::pin(async move {
            let mut gone = 0;
            for account in left.await? {
                gone += jobs.send(|| waiting(write::forget(account, before)))?.await?;
            }
            walked.fetch_max(before.0, Ordering::AcqRel);
            Ok(gone)
        }))
    }

    fn observe(&self, now: UnixMillis) -> Answer<UnixMillis> {
        self.reader.old.note(now);
        self.submit(write::observe(now), None)
    }

    fn scan(&self, from: Option<Cursor>) -> Answer<Page> {
        self.read(move |reader| read::page(reader, from.clone()))
    }

    fn verify(&self) -> Answer<()> {
        self.read(read::verify)
    }

    fn room(&self) -> Answer<Option<u64>> {
        self.read(read::room)
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

    fn vouches(&self, account: &AccountKey) -> Result<(), StoreError> {
        self.health.vouches(account)
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
