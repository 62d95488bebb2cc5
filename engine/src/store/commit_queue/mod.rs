//! Group commit: one thread records units in groups. All units that arrive while it records one
//! group form the next group.
//!
//! Under load the thread lingers before it takes the next group, because one larger group costs
//! less than two small ones, and because callers need not wake a thread that lingers. It never
//! lingers where units come one at a time.
//!
//! A unit is work on the backend's medium, with the channel to its caller. The [`Durability`]
//! decides whether the caller is answered before or after the unit is recorded. A unit that was
//! answered early keeps its place in the queue, and is retried until it is recorded or the queue
//! breaks.

mod backend;
mod load;
#[cfg(test)]
mod tests;
pub(super) mod unit;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use metrics::histogram;
use tokio::sync::{mpsc, oneshot, watch};

pub(super) use self::backend::{Backend, Failure};
use self::load::Load;
use self::unit::{Call, Caller, Unit};
use super::intake::Intake;
use super::lag::{Lag, count};
use super::{COMMITS_ENDED, COMMITS_FULL, Durability, lock, refused};
use crate::ports::Later;
use crate::ports::store::{Answer, StoreError};
use crate::system::Stopwatch;
use crate::telemetry;

/// Largest number of units in one group.
pub(super) const GROUP_UNITS_MAX: usize = 512;
/// Largest number of waiting units. The queue refuses any more.
const QUEUE_UNITS_MAX: usize = 16_384;
/// Pause before the thread retries a refused group whose callers were answered early.
const RETRY: Duration = Duration::from_millis(if cfg!(test) { 1 } else { 100 });
/// Largest number of retries after the queue is closed.
const CLOSING_TRIES_MAX: usize = 30;

type Queued<B> = Unit<<B as Backend>::Medium>;

/// State of the thread, which the queue's handles watch. It rarely changes, so that a group wakes
/// none of them.
#[derive(Default)]
struct Progress {
    /// Reason for which the latest groups were refused; none while groups are recorded.
    refusing: Option<StoreError>,
    broken: Option<StoreError>,
    /// True once the thread has ended cleanly.
    is_finished: bool,
}

/// A queue and its thread. If it is dropped, the thread still records the queued units, and then
/// ends.
pub(super) struct CommitQueue<B: Backend> {
    intake: Intake<Queued<B>>,
    /// Units that were answered early and are not recorded yet.
    pub(super) lag: Arc<Lag>,
    progress: watch::Receiver<Progress>,
    /// Number of units that were answered early and are recorded by now. It is [`u64::MAX`] once
    /// the queue is broken.
    written: watch::Receiver<u64>,
    /// A fault that another thread has found in the medium. It breaks the queue.
    fault: Arc<OnceLock<StoreError>>,
    thread: Mutex<Option<JoinHandle<Result<(), StoreError>>>>,
}

impl<B: Backend> CommitQueue<B> {
    /// Starts the queue's thread.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the system cannot start a thread.
    pub(super) fn start(
        name: &str,
        backend: B,
        durability: Durability,
    ) -> Result<Self, StoreError> {
        let (sender, receiver) = mpsc::channel(QUEUE_UNITS_MAX);
        let (tell, progress) = watch::channel(Progress::default());
        let (tell_written, written) = watch::channel(0);
        let lag = Arc::new(Lag::new(durability));
        let fault = Arc::<OnceLock<_>>::default();
        let writer = CommitThread {
            backend,
            receiver,
            progress: tell,
            written: tell_written,
            fault: Arc::clone(&fault),
            lag: Arc::clone(&lag),
            queue: VecDeque::new(),
            is_refused: false,
            load: Load::default(),
        };
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || writer.run())
            .map_err(|e| StoreError::Unavailable(format!("no thread: {e}")))?;
        let intake = Intake::new(sender, COMMITS_FULL, COMMITS_ENDED);
        Ok(Self { intake, lag, progress, written, fault, thread: Mutex::new(Some(thread)) })
    }

    /// Queues a unit at once. The future only waits for the answer. `early` is the answer for a
    /// unit that may be answered before it is recorded; the later result must be the same.
    pub(super) fn submit<T, W>(&self, early: Option<T>, work: W) -> Answer<T>
    where
        T: Clone + PartialEq + Send + 'static,
        W: FnMut(&mut B::Medium) -> Result<Result<T, StoreError>, Failure> + Send + 'static,
    {
        let queued = self.intake.send(|| {
            if let Some(told) = early.filter(|_| self.lag.admit().is_some()) {
                let answer: Answer<_> = Box::pin(std::future::ready(Ok(told.clone())));
                let unit: Queued<B> = Box::new(Call::new(work, Caller::Answered(told)));
                return (unit, answer);
            }
            let (reply, answer) = oneshot::channel();
            let ended = |_| Err(refused(COMMITS_ENDED));
            let answer: Answer<_> = Box::pin(async move { answer.await.unwrap_or_else(ended) });
            (Box::new(Call::new(work, Caller::Waits(reply))), answer)
        });
        queued.unwrap_or_else(|error| Box::pin(std::future::ready(Err(error))))
    }

    /// Breaks the queue before its next group, because the medium is damaged. The group that is
    /// being recorded may succeed or fail.
    pub(super) fn break_with(&self, error: StoreError) {
        let _ = self.fault.set(error);
        // Wakes an idle thread. A full queue needs no wake-up, because its thread is busy.
        drop(self.submit::<(), _>(None, |_| Ok(Ok(()))));
    }

    /// Returns a future that resolves once every unit that was answered early before this call is
    /// recorded. A read that must see those units waits for it. None if they are all recorded
    /// already.
    pub(super) fn settled(&self) -> Option<Answer<()>> {
        let answered = self.lag.answered_unwritten()?;
        let (mut written, progress) = (self.written.clone(), self.progress.clone());
        Some(Box::pin(async move {
            let settled = written.wait_for(|written| *written >= answered).await.map(drop);
            match (settled, progress.borrow().broken.clone()) {
                (_, Some(error)) => Err(error),
                (Ok(()), None) => Ok(()),
                (Err(_), None) => Err(refused(COMMITS_ENDED)),
            }
        }))
    }

    /// Resolves with the reason once the queue is broken: it records nothing until the store is
    /// reopened. It never resolves after a clean end.
    pub(super) fn broken(&self) -> Later<StoreError> {
        let mut progress = self.progress.clone();
        Box::pin(async move {
            let ended = progress.wait_for(|p| p.broken.is_some() || p.is_finished).await;
            let error = match ended.map(|p| p.broken.clone()) {
                Ok(error) => error,
                // The thread has ended without a report, for example by a panic.
                Err(_) => Some(refused(COMMITS_ENDED)),
            };
            match error {
                Some(error) => error,
                None => std::future::pending().await,
            }
        })
    }

    /// Checks that the queue accepts units. While groups are refused it does if the bound on early
    /// answers is a number of records and is not reached.
    ///
    /// # Errors
    /// [`StoreError`] with the reason for which it does not.
    pub(super) fn ready(&self) -> Result<(), StoreError> {
        let (broken, refusing) = {
            let progress = self.progress.borrow();
            (progress.broken.clone(), progress.refusing.clone())
        };
        let refusing = refusing.filter(|_| !self.lag.outlasts_outages());
        if let Some(error) = broken.or(refusing) {
            return Err(error);
        }
        self.intake.ready()
    }

    /// Stops accepting units. Queued units are still recorded. The caller joins the returned
    /// thread.
    pub(super) fn finish(&self) -> Option<JoinHandle<Result<(), StoreError>>> {
        self.intake.close();
        lock(&self.thread).take()
    }
}

/// The part of the queue that its thread owns.
struct CommitThread<B: Backend> {
    backend: B,
    receiver: mpsc::Receiver<Queued<B>>,
    progress: watch::Sender<Progress>,
    written: watch::Sender<u64>,
    fault: Arc<OnceLock<StoreError>>,
    lag: Arc<Lag>,
    /// Units to record, oldest first.
    queue: VecDeque<Queued<B>>,
    /// True if the last group was refused.
    is_refused: bool,
    load: Load,
}

impl<B: Backend> CommitThread<B> {
    fn run(mut self) -> Result<(), StoreError> {
        let mut closing_tries = 0;
        while self.take() {
            if let Some(error) = self.fault.get().filter(|_| self.broken().is_none()) {
                self.broke(error.clone());
            }
            if let Some(error) = self.broken() {
                answer_all(std::mem::take(&mut self.queue), &error);
                continue;
            }
            let group = self.queue.len().min(GROUP_UNITS_MAX);
            let mut units: Vec<_> = self.queue.drain(..group).collect();
            match self.record(&mut units) {
                Ok(()) => self.recorded(units),
                Err(Failure::Refused(error)) => {
                    self.refused(units, &error);
                    closing_tries += usize::from(self.receiver.is_closed());
                    if !self.queue.is_empty() && closing_tries > CLOSING_TRIES_MAX {
                        let left = self.queue.len();
                        let message = format!("{left} answered commits are lost: {error}");
                        self.broke(StoreError::Unavailable(message));
                    }
                }
                Err(Failure::Broken(error)) => {
                    self.broke(error.clone());
                    answer_all(units, &error);
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

    /// Waits until there is a unit to record. Returns false if the queue is closed and empty.
    fn take(&mut self) -> bool {
        if self.queue.is_empty() {
            if let Some(linger) = self.load.linger() {
                std::thread::sleep(linger);
            }
            let mut group = Vec::with_capacity(GROUP_UNITS_MAX);
            self.receiver.blocking_recv_many(&mut group, GROUP_UNITS_MAX);
            self.queue.extend(group);
            return !self.queue.is_empty();
        }
        // The queue now holds refused units whose callers were answered early. They are retried
        // first.
        if std::mem::take(&mut self.is_refused) {
            std::thread::sleep(RETRY);
        }
        while let Ok(queued) = self.receiver.try_recv() {
            self.queue.push_back(queued);
        }
        true
    }

    fn record(&mut self, units: &mut [Queued<B>]) -> Result<(), Failure> {
        let watch = Stopwatch::start();
        histogram!(telemetry::STORE_COMMIT_UNITS).record(count(units.len()));
        let result = self.backend.record(units);
        histogram!(telemetry::STORE_COMMIT_SECONDS).record(watch.seconds());
        self.load.note(units.len());
        result
    }

    fn recorded(&mut self, units: Vec<Queued<B>>) {
        if units.iter().any(|unit| unit.is_contradicted()) {
            self.broke(refused("something else is recorded than was answered"));
        } else {
            let written = units.iter().filter(|unit| unit.is_answered()).count();
            self.lag.written(written);
            if written > 0 {
                self.written.send_modify(|all| *all = all.saturating_add(written as u64));
            }
            self.records_again();
        }
        for unit in units {
            unit.answer(Ok(()));
        }
        if let Err(error) = self.backend.maintain(self.receiver.is_empty()) {
            self.broke(error);
        }
    }

    /// Handles a refused group. Waiting callers get the error. Units that were answered early stay
    /// in the queue, to be retried.
    fn refused(&mut self, units: Vec<Queued<B>>, error: &StoreError) {
        self.is_refused = true;
        let before = self.progress.borrow().refusing.clone();
        if before.as_ref() != Some(error) {
            self.progress.send_modify(|p| p.refusing = Some(error.clone()));
        }
        if before.is_none() {
            tracing::error!(%error, "the store does not record");
        }
        let units = units.into_iter().chain(std::mem::take(&mut self.queue));
        let (answered, waiting): (VecDeque<_>, VecDeque<_>) =
            units.partition(|unit| unit.is_answered());
        answer_all(waiting, error);
        self.queue = answered;
    }

    /// Handles a group that was recorded: if earlier ones were refused and there is room again, the
    /// store is ready again.
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
        self.written.send_replace(u64::MAX);
    }
}

fn answer_all<M: ?Sized>(units: impl IntoIterator<Item = Unit<M>>, error: &StoreError) {
    for unit in units {
        unit.answer(Err(error.clone()));
    }
}
