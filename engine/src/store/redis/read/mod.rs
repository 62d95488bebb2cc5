//! Reading. Each read is sent together with a read of its partition's state, so that a Redis that
//! lost records is noticed instead of taken for a store without the record.

mod account;
mod cases;
mod due;
mod indexes;
mod names;
mod old;
mod room;
mod scan;
mod verify;

pub(super) use self::account::{account, account_of_ticket, devices_of_key, users};
pub(super) use self::cases::{action, actions, challenge};
pub(super) use self::due::{due_events, overdue};
pub(super) use self::old::{Old, left_behind};
pub(super) use self::room::room;
pub(super) use self::scan::page;
pub(super) use self::verify::verify;

use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, Value};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::health::Health;
use super::keys::{FIRST, Partition};
use super::link::{Link, pipeline};
use super::partitions::Known;
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
    /// Limits before which records are hidden, although they are still in Redis.
    pub(super) old: Arc<Old>,
    /// Counters of failed calls, including damaged rows that a read skips.
    pub(super) failures: Arc<Failures>,
}

impl Reader {
    pub(super) fn new(
        link: Arc<Link>,
        health: Arc<Health>,
        jobs: mpsc::WeakSender<Job>,
        wait: Duration,
        old: Old,
    ) -> Self {
        let (places, old) = (Arc::new(Semaphore::new(READS_MAX)), Arc::new(old));
        let (runtime, failures) = (Handle::current(), Arc::default());
        Self { link, health, jobs, runtime, places, wait, old, failures }
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
            match tokio::time::timeout(left, self.settled(answered)).await {
                Ok(settled) => settled?,
                Err(_) => return Err(self.health.check().err().unwrap_or_else(unwritten)),
            }
            let trouble = match query(self.clone()).await {
                Ok(answer) => return Ok(answer),
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
    /// have every commit that was acknowledged before this call. The states of the partitions are
    /// the end of the pipeline. One process sends all its replies, so that they belong to the epoch
    /// that the end names.
    async fn ask(
        &self,
        partitions: &[Partition],
        mut commands: Vec<Cmd>,
    ) -> Result<Vec<Value>, Trouble> {
        // A commit that is acknowledged during the read need not be in it.
        let known: Vec<_> = partitions.iter().map(|p| self.health.partitions.known(*p)).collect();
        commands.extend(partitions.iter().map(|partition| Known::asked(*partition)));
        let (mut values, server) = self.link.ask_process(&pipeline(&commands)).await?;
        let answers = values.len().checked_sub(known.len());
        let states = values.split_off(answers.ok_or_else(|| unexpected("too few answers"))?);
        for (known, state) in known.iter().zip(states) {
            known.check(state)?;
        }
        // A Redis that started again has the same epoch on its disk until it is opened.
        if !known.iter().all(|known| known.is_on(&server)) {
            self.link.disconnect().await;
            return Err(Trouble::Moved);
        }
        Ok(values)
    }

    /// Sends one command, as [`Self::ask`] does.
    async fn one(&self, partition: Partition, command: Cmd) -> Result<Value, Trouble> {
        let mut values = self.ask(&[partition], vec![command]).await?;
        values.pop().ok_or_else(|| unexpected("no answer"))
    }

    /// Sends commands whose answers can depend on every account, as [`Self::ask`] does. They are
    /// refused while any partition is closed.
    async fn ask_all(&self, commands: Vec<Cmd>) -> Result<Vec<Value>, Trouble> {
        if let Some((why, _)) = self.health.partitions.closed() {
            return Err(Trouble::Refused(why.to_string()));
        }
        // All partitions are opened together, so that the first one's epoch tells the process.
        self.ask(&[FIRST], commands).await
    }

    /// Sends one command, as [`Self::ask_all`] does.
    async fn one_of_all(&self, command: Cmd) -> Result<Value, Trouble> {
        let mut values = self.ask_all(vec![command]).await?;
        values.pop().ok_or_else(|| unexpected("no answer"))
    }
}

/// Makes a command for a key.
fn of(command: &str, key: impl AsRef<[u8]>) -> Cmd {
    let mut made = redis::cmd(command);
    made.arg(key.as_ref());
    made
}

fn unwritten() -> StoreError {
    refused("earlier answered changes are not recorded yet")
}
