//! Reads. Each is sent together with a read of the store's state, so that a wiped Redis is noticed
//! instead of taken for a store without the record.

use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, Value};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::entry::Entry;
use super::health::Health;
use super::job::Job;
use super::link::{Link, pipeline};
use super::owner::state;
use super::reply::{is_unknown_script, unexpected};
use super::script::Call;
use super::trouble::Trouble;
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
                Err(Trouble::Rolled) => {
                    self.tell(Job::Verify);
                    Trouble::Rolled
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

    /// Queues a job for the commit task. If its queue is full, the job is dropped.
    pub(super) fn tell(&self, job: Job) {
        if let Some(jobs) = self.jobs.upgrade() {
            let _ = jobs.try_send(job);
        }
    }

    /// Lets the commit task check entries that seem to have no record.
    pub(super) fn check_later(&self, entries: Vec<Entry>) {
        if !entries.is_empty() {
            self.tell(Job::Check(entries));
        }
    }

    /// Sends commands, and returns their replies if Redis has every acknowledged attempt.
    pub(super) async fn ask(&self, mut commands: Vec<Cmd>) -> Result<Vec<Value>, Trouble> {
        commands.push(state());
        // An attempt that is acknowledged during the read need not be in it.
        let acked = self.health.acked();
        let mut values = self.link.ask(&pipeline(&commands)).await?;
        let state = values.pop().ok_or_else(|| unexpected("no answer"))?;
        self.health.owner.check(super::reply::checked(state)?, acked)?;
        Ok(values)
    }

    pub(super) async fn one(&self, command: Cmd) -> Result<Value, Trouble> {
        self.ask(vec![command]).await?.pop().ok_or_else(|| unexpected("no answer"))
    }

    pub(super) async fn call(&self, call: &Call) -> Result<Value, Trouble> {
        let value = self.one(call.command(false)).await?;
        if is_unknown_script(&value) { self.one(call.command(true)).await } else { Ok(value) }
    }
}

fn unwritten() -> StoreError {
    refused("earlier answered changes are not recorded yet")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::durability::Durability;
    use crate::store::redis::owner::Owner;

    #[tokio::test]
    async fn an_answer_from_the_middle_of_a_restoration_is_not_given() {
        let nowhere = redis::Client::open("redis://127.0.0.1:1").unwrap();
        let health = Arc::new(Health::new(Owner::sample(), Durability::Sync));
        let (jobs, _writer) = mpsc::channel(1);
        let link = Arc::new(Link::new(nowhere));
        let reader = Reader::new(link, health, jobs.downgrade(), Duration::from_secs(20));
        let asked = Arc::new(std::sync::atomic::AtomicU64::new(0));
        let read = reader.read(move |reader| {
            let asked = asked.fetch_add(1, std::sync::atomic::Ordering::AcqRel);
            async move {
                if asked == 0 {
                    reader.health.unsettled("something is lost");
                    reader.health.recording();
                }
                Ok(asked)
            }
        });
        assert_eq!(read.await.unwrap(), 1, "it was asked for anew");
    }
}
