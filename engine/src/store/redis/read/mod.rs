//! Reading. Each read is sent together with a read of its partition's state, so that a Redis that
//! lost records is noticed instead of taken for a store without the record.

mod room;

pub(super) use self::room::room;

use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, Value};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::health::Health;
use super::keys::Partition;
use super::link::Link;
use super::reply::unexpected;
use super::trouble::Trouble;
use super::write::Job;
use crate::ports::store::{Answer, StoreError};
use crate::store::failures::Failures;
use crate::store::{READS_FULL, refused};
use crate::system::Stopwatch;

/// Largest number of reads under way or waiting. The store refuses any more.
const READS_MAX: usize = 8_192;
/// Pause between two attempts of a read.
const PAUSE: Duration = Duration::from_millis(50);

/// A reader with its own connection.
#[derive(Clone)]
pub(super) struct Reader {
    link: Arc<Link>,
    health: Arc<Health>,
    /// Sender of jobs for the commit task, while the store is open.
    jobs: mpsc::WeakSender<Job>,
    runtime: Handle,
    places: Arc<Semaphore>,
    wait: Duration,
    /// Counters of failed calls, including damaged rows that a read skips.
    pub(super) failures: Arc<Failures>,
}

impl Reader {
    pub(super) fn new(
        link: Arc<Link>,
        health: Arc<Health>,
        jobs: mpsc::WeakSender<Job>,
        wait: Duration,
    ) -> Self {
        let places = Arc::new(Semaphore::new(READS_MAX));
        let (runtime, failures) = (Handle::current(), Arc::default());
        Self { link, health, jobs, runtime, places, wait, failures }
    }

    /// Starts a read at once. The future only waits for the answer. If Redis does not reply, or the
    /// result of some unit is unknown, the read is retried for the store's wait time.
    pub(super) fn read<T, F, R>(&self, query: F) -> Answer<T>
    where
        T: Send + 'static,
        F: Fn(Self) -> R + Send + 'static,
        R: Future<Output = Result<T, Trouble>> + Send,
    {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return Box::pin(async { Err(StoreError::Busy(READS_FULL)) });
        };
        let reader = self.clone();
        // The read has to see the units that were answered early so far, but no later ones.
        let answered = self.health.lag.answered_unwritten();
        let (reply, answer) = oneshot::channel();
        self.runtime.spawn(async move {
            // If the caller no longer waits, the answer is dropped.
            let _ = reply.send(reader.retried(query, answered).await);
            drop(place);
        });
        Box::pin(async move { answer.await.unwrap_or_else(|_| Err(StoreError::Closed)) })
    }

    async fn retried<T, F, R>(&self, query: F, answered: Option<u64>) -> Result<T, StoreError>
    where
        F: Fn(Self) -> R,
        R: Future<Output = Result<T, Trouble>>,
    {
        let watch = Stopwatch::start();
        loop {
            let left = self.wait.as_secs_f64() - watch.seconds();
            let left = Duration::from_secs_f64(left.max(0.0));
            let doubts = self.health.doubts();
            match tokio::time::timeout(left, self.settled(answered)).await {
                Ok(settled) => settled?,
                Err(_) => return Err(self.health.check().err().unwrap_or_else(unwritten)),
            }
            let trouble = match query(self.clone()).await {
                Ok(answer) if self.health.doubts() == doubts => return Ok(answer),
                // Lost records may still be missing in this answer. The check of the state cannot
                // tell, because each record that is written again raises the recorded attempt.
                Ok(_) => Trouble::Lost("something became unsettled meanwhile".to_owned()),
                Err(trouble @ (Trouble::Moved | Trouble::Rolled | Trouble::Absent)) => {
                    self.reopen();
                    trouble
                }
                Err(Trouble::Lost(why)) => Trouble::Lost(why),
                Err(trouble) => return Err(trouble.into()),
            };
            if watch.seconds() >= self.wait.as_secs_f64() {
                return Err(trouble.into());
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Resolves once the result of every sent unit is known, and all units up to `answered` are
    /// recorded.
    async fn settled(&self, answered: Option<u64>) -> Result<(), StoreError> {
        if let Some(answered) = answered {
            self.health.recorded(answered).await?;
        }
        self.health.settled().await
    }

    /// Lets the writing task open the partitions again. If its queue is full, nothing happens.
    pub(super) fn reopen(&self) {
        if let Some(jobs) = self.jobs.upgrade() {
            let _ = jobs.try_send(Job::Reopen);
        }
    }

    /// Sends commands, and returns their replies if these partitions are in the known epoch and
    /// have every commit that was acknowledged before this call. `Known::asked` of each partition
    /// is the end of the pipeline. On `Moved` and `Rolled` the caller reopens and tries again.
    pub(super) async fn ask(
        &self,
        partitions: &[Partition],
        commands: Vec<Cmd>,
    ) -> Result<Vec<Value>, Trouble> {
        let _ = (partitions, commands, &self.link);
        todo!()
    }

    /// Sends one command, as [`Self::ask`] does.
    pub(super) async fn one(&self, partition: Partition, command: Cmd) -> Result<Value, Trouble> {
        let mut values = self.ask(&[partition], vec![command]).await?;
        values.pop().ok_or_else(|| unexpected("no answer"))
    }
}

fn unwritten() -> StoreError {
    refused("earlier answered changes are not recorded yet")
}

macro_rules! later {
    ($($name:ident($($of:ty),*) -> $answer:ty;)+) => {$(
        pub(super) async fn $name(_reader: Reader, $(_: $of),*) -> Result<$answer, Trouble> {
            todo!()
        }
    )+};
}

use countersign_core::account::{AccountRecord, Snapshot};
use countersign_core::action::Action;
use countersign_core::challenge::Challenge;
use countersign_core::device::Device;
use countersign_core::event::Event;
use countersign_core::id::{AccountKey, ActionKey, ChallengeId, CredentialKey, TenantId, UserId};
use countersign_core::statement::Digest;
use countersign_core::time::UnixMillis;

use super::keys::Bucket;
use super::keys::Names;
use crate::ports::store::{ActionQuery, Cursor, Page, UserQuery};

later! {
    account(AccountKey) -> Snapshot;
    action(AccountKey, ActionKey) -> Option<Action>;
    actions(AccountKey, ActionQuery) -> Vec<Action>;
    challenge(AccountKey, ChallengeId) -> Option<Challenge>;
    devices_of_key(CredentialKey) -> Vec<Device>;
    account_of_ticket(Digest) -> Option<AccountKey>;
    users(TenantId, UserQuery) -> Vec<(UserId, AccountRecord)>;
    overdue(UnixMillis, UnixMillis, usize) -> Vec<Challenge>;
    due_events(UnixMillis, usize) -> Vec<Event>;
    page(Option<Cursor>) -> Page;
    verify() -> ();
    left_behind(Bucket) -> Vec<Names>;
}
