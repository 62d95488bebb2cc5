//! Natural group commit: one thread records the units that queued while it was busy as one group.
//! Nothing waits for a group to fill.
//!
//! The backend defines a unit and records a group. The [`Durability`] sets the moment of a unit's
//! answer: a unit that was answered early is recorded in its turn, however often that has to be
//! tried, or the queue is broken.

mod backend;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use metrics::histogram;
use tokio::sync::{mpsc, oneshot, watch};

pub(super) use self::backend::{Answers, Backend, Failure};
use super::lag::{Lag, count};
use super::{Durability, TOO_MANY, closed, refused};
use crate::ports::Later;
use crate::ports::store::{StoreError, Unwritten};
use crate::system::Stopwatch;
use crate::telemetry;

/// Units recorded together, at most.
pub(super) const GROUP_UNITS_MAX: usize = 512;
/// Units that wait, at most; one more is refused.
const QUEUE_UNITS_MAX: usize = 16_384;
/// Until a group that was refused, and of which something was answered already, is tried again.
const RETRY: Duration = Duration::from_millis(if cfg!(test) { 1 } else { 100 });
/// Most tries once the queue is closed.
const CLOSING_TRIES_MAX: usize = 30;

type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// The caller of a unit.
enum Asker<T> {
    /// Waits for the answer.
    Waits(Reply<T>),
    /// Was answered this, early.
    Told(T),
}

type Queued<B> = (<B as Backend>::Unit, Asker<<B as Backend>::Answer>);

/// Progress of the thread.
#[derive(Default)]
struct Progress {
    /// Units that were answered early and are recorded.
    written: u64,
    /// Why the last groups were refused.
    refusing: Option<StoreError>,
    broken: Option<StoreError>,
    /// It has ended in good order.
    is_finished: bool,
}

/// The queue and its thread. Dropped, it records the queued units and ends on its own.
pub(super) struct CommitQueue<B: Backend> {
    sender: Mutex<Option<mpsc::Sender<Queued<B>>>>,
    lag: Arc<Lag>,
    progress: watch::Receiver<Progress>,
    thread: Mutex<Option<JoinHandle<Result<(), StoreError>>>>,
}

impl<B: Backend> CommitQueue<B> {
    /// Starts the thread.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the system gives no thread.
    pub(super) fn start(
        name: &str,
        backend: B,
        durability: Durability,
    ) -> Result<Self, StoreError> {
        let (sender, receiver) = mpsc::channel(QUEUE_UNITS_MAX);
        let (tell, progress) = watch::channel(Progress::default());
        let lag = Arc::new(Lag::new(durability));
        let (queue, shared) = (VecDeque::new(), lag.clone());
        let writer =
            Writer { backend, receiver, progress: tell, lag: shared, queue, is_refused: false };
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || writer.run())
            .map_err(|e| StoreError::Unavailable(format!("no thread: {e}")))?;
        let (sender, thread) = (Mutex::new(Some(sender)), Mutex::new(Some(thread)));
        Ok(Self { sender, lag, progress, thread })
    }

    /// Queues a unit at once; the future is only the wait for its answer.
    pub(super) fn submit(&self, unit: B::Unit) -> Later<Result<B::Answer, StoreError>>
    where
        B::Answer: Clone + 'static,
    {
        // Under the lock, so that units are counted in the order in which they are queued.
        let sender = lock(&self.sender);
        let queued = match &*sender {
            None => Err(closed()),
            Some(sender) => sender.try_reserve().map_err(|e| match e {
                mpsc::error::TrySendError::Full(()) => refused(TOO_MANY),
                mpsc::error::TrySendError::Closed(()) => refused("its writer has ended"),
            }),
        };
        let place = match queued {
            Ok(place) => place,
            Err(error) => return Box::pin(std::future::ready(Err(error))),
        };
        let early = B::early(&unit).filter(|_| self.lag.admit().is_some());
        if let Some(answer) = early {
            place.send((unit, Asker::Told(answer.clone())));
            return Box::pin(std::future::ready(Ok(answer)));
        }
        let (reply, answer) = oneshot::channel();
        place.send((unit, Asker::Waits(reply)));
        Box::pin(
            async move { answer.await.unwrap_or_else(|_| Err(refused("its writer has ended"))) },
        )
    }

    /// Resolves once all that was answered before this call is recorded; absent where it is. A read
    /// that is to see it waits for this.
    pub(super) fn settled(&self) -> Option<Later<Result<(), StoreError>>> {
        let answered = self.lag.answered_unwritten()?;
        let mut progress = self.progress.clone();
        Some(Box::pin(async move {
            let settled = progress.wait_for(|p| p.broken.is_some() || p.written >= answered).await;
            match settled.map(|p| p.broken.clone()) {
                Ok(None) => Ok(()),
                Ok(Some(error)) => Err(error),
                Err(_) => Err(refused("its writer has ended")),
            }
        }))
    }

    /// Resolves, with the reason, when nothing is recorded any more until the store is opened anew.
    pub(super) fn broken(&self) -> Later<StoreError> {
        let mut progress = self.progress.clone();
        Box::pin(async move {
            let ended = progress.wait_for(|p| p.broken.is_some() || p.is_finished).await;
            let error = match ended.map(|p| p.broken.clone()) {
                Ok(error) => error,
                // The thread is gone without a word.
                Err(_) => Some(refused("its writer has ended")),
            };
            match error {
                Some(error) => error,
                None => std::future::pending().await,
            }
        })
    }

    /// Answers that are not recorded yet.
    pub(super) fn unwritten(&self) -> Unwritten {
        self.lag.unwritten()
    }

    /// Tells whether units are being recorded, or the backlog bridges a refusal.
    ///
    /// # Errors
    /// [`StoreError`]: why they are not.
    pub(super) fn ready(&self) -> Result<(), StoreError> {
        let (broken, refusing) = {
            let progress = self.progress.borrow();
            (progress.broken.clone(), progress.refusing.clone())
        };
        let refusing = refusing.filter(|_| !self.lag.outlasts_outages());
        if let Some(error) = broken.or(refusing) {
            return Err(error);
        }
        match &*lock(&self.sender) {
            None => Err(closed()),
            Some(sender) if sender.is_closed() => Err(refused("its writer has ended")),
            Some(sender) if sender.capacity() == 0 => Err(refused(TOO_MANY)),
            Some(_) => Ok(()),
        }
    }

    /// Takes no more units. Those in the queue are still recorded. The caller joins the thread.
    pub(super) fn finish(&self) -> Option<JoinHandle<Result<(), StoreError>>> {
        lock(&self.sender).take();
        lock(&self.thread).take()
    }
}

/// Each of these locks guards one value that is replaced whole, so a panic elsewhere cannot leave
/// it half done.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The thread's side.
struct Writer<B: Backend> {
    backend: B,
    receiver: mpsc::Receiver<Queued<B>>,
    progress: watch::Sender<Progress>,
    lag: Arc<Lag>,
    /// Units to record, oldest first.
    queue: VecDeque<Queued<B>>,
    /// The last group was refused.
    is_refused: bool,
}

impl<B: Backend> Writer<B> {
    fn run(mut self) -> Result<(), StoreError> {
        let mut closing_tries = 0;
        while self.take() {
            if let Some(error) = self.broken() {
                answer_all(self.queue.drain(..).map(|(_, asker)| asker), &error);
                continue;
            }
            let group = self.queue.len().min(GROUP_UNITS_MAX);
            let (units, askers): (Vec<_>, Vec<_>) = self.queue.drain(..group).unzip();
            match self.record(&units) {
                Ok(answers) => self.recorded(askers, answers),
                Err(Failure::Refused(error)) => {
                    self.refused(units, askers, &error);
                    closing_tries += usize::from(self.receiver.is_closed());
                    if !self.queue.is_empty() && closing_tries > CLOSING_TRIES_MAX {
                        let left = self.queue.len();
                        let message = format!("{left} answered commits are lost: {error}");
                        self.broke(StoreError::Unavailable(message));
                    }
                }
                Err(Failure::Broken(error)) => {
                    self.broke(error.clone());
                    answer_all(askers.into_iter(), &error);
                }
            }
        }
        if let Some(error) = self.broken() {
            return Err(error);
        }
        let closed = self.backend.close();
        self.progress.send_modify(|p| p.is_finished = true);
        closed
    }

    /// Waits for something to record. False once there will be nothing more.
    fn take(&mut self) -> bool {
        if self.queue.is_empty() {
            let mut group = Vec::with_capacity(GROUP_UNITS_MAX);
            self.receiver.blocking_recv_many(&mut group, GROUP_UNITS_MAX);
            self.queue.extend(group);
            return !self.queue.is_empty();
        }
        // Refused units that were answered early go first.
        if std::mem::take(&mut self.is_refused) {
            std::thread::sleep(RETRY);
        }
        while let Ok(queued) = self.receiver.try_recv() {
            self.queue.push_back(queued);
        }
        true
    }

    fn record(&mut self, units: &[B::Unit]) -> Result<Answers<B::Answer>, Failure> {
        let watch = Stopwatch::start();
        histogram!(telemetry::STORE_COMMIT_UNITS).record(count(units.len()));
        let result = self.backend.record(units);
        histogram!(telemetry::STORE_COMMIT_SECONDS).record(watch.seconds());
        result
    }

    fn recorded(&mut self, askers: Vec<Asker<B::Answer>>, answers: Answers<B::Answer>) {
        debug_assert_eq!(answers.len(), askers.len(), "one answer a unit");
        let (mut written, mut is_contradicted, mut waiting) = (0, false, Vec::new());
        for (asker, answer) in askers.into_iter().zip(answers) {
            match asker {
                Asker::Waits(reply) => waiting.push((reply, answer)),
                Asker::Told(told) => {
                    written += 1;
                    is_contradicted |= answer.as_ref() != Ok(&told);
                }
            }
        }
        if is_contradicted {
            self.broke(refused("something else is recorded than was answered"));
        } else {
            self.lag.written(written);
            self.progress.send_modify(|p| p.written += written as u64);
            self.records_again();
        }
        for (reply, answer) in waiting {
            // A caller that has left does not mind.
            let _ = reply.send(answer);
        }
        if let Err(error) = self.backend.maintain(self.receiver.is_empty()) {
            self.broke(error);
        }
    }

    /// A group is refused. The waiting callers are told; units that were answered early are tried
    /// again.
    fn refused(&mut self, units: Vec<B::Unit>, askers: Vec<Asker<B::Answer>>, error: &StoreError) {
        self.is_refused = true;
        let before = self.progress.borrow().refusing.clone();
        if before.as_ref() != Some(error) {
            self.progress.send_modify(|p| p.refusing = Some(error.clone()));
        }
        if before.is_none() {
            tracing::error!(%error, "the store does not record");
        }
        let told = |queued: Queued<B>| match queued {
            (unit, Asker::Told(told)) => Some((unit, Asker::Told(told))),
            (_, Asker::Waits(reply)) => {
                let _ = reply.send(Err(error.clone()));
                None
            }
        };
        let group: Vec<_> = units.into_iter().zip(askers).chain(self.queue.drain(..)).collect();
        self.queue.extend(group.into_iter().filter_map(told));
    }

    /// A group is recorded, so the store is ready again if there is room.
    fn records_again(&self) {
        if self.progress.borrow().refusing.is_some() && self.backend.has_room() {
            self.progress.send_modify(|p| p.refusing = None);
            tracing::warn!("the store records again");
        }
    }

    fn broken(&self) -> Option<StoreError> {
        self.progress.borrow().broken.clone()
    }

    fn broke(&self, error: StoreError) {
        const ENDED: &str = "the store records nothing any more; restart the server to recover";
        tracing::error!(%error, "{ENDED}");
        self.progress.send_modify(|p| {
            p.broken.get_or_insert(error);
        });
    }
}

fn answer_all<T>(askers: impl Iterator<Item = Asker<T>>, error: &StoreError) {
    for asker in askers {
        if let Asker::Waits(reply) = asker {
            let _ = reply.send(Err(error.clone()));
        }
    }
}
