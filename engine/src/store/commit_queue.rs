//! Natural group commit: one thread takes what has queued while it was busy and records it as one
//! group.
//!
//! Nothing waits for a group to fill. What a unit is and how a group is recorded is the backend's
//! part.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;

use metrics::histogram;
use tokio::sync::{mpsc, oneshot};

use super::{closed, refused};
use crate::ports::Later;
use crate::ports::store::StoreError;
use crate::system::Stopwatch;
use crate::telemetry;

/// Units recorded together, at most.
pub(super) const GROUP_UNITS_MAX: usize = 512;
/// Units that wait, at most; one more is refused.
const QUEUE_UNITS_MAX: usize = 16_384;

/// Records groups of units.
pub(super) trait Backend: Send + 'static {
    /// What is asked for.
    type Unit: Send;
    /// What is answered to a unit of a group that was recorded.
    type Answer: Send;

    /// Records the units in their order, all or none; a unit that is refused alone has an error of
    /// its own and leaves no trace. The answers are in the order of the units.
    ///
    /// # Errors
    /// [`Failure`] if it is not known to be recorded.
    fn record(&mut self, units: Vec<Self::Unit>) -> Result<Answers<Self::Answer>, Failure>;

    /// Runs after each group, for housekeeping; `idle` is whether nothing waits.
    ///
    /// # Errors
    /// An error poisons the queue.
    fn maintain(&mut self, idle: bool) -> Result<(), StoreError>;

    /// Closes in good order; not called once the queue is poisoned.
    ///
    /// # Errors
    /// [`StoreError`] if that failed. What was answered is recorded all the same.
    fn close(self) -> Result<(), StoreError>;
}

/// The answers to a group.
pub(super) type Answers<T> = Vec<Result<T, StoreError>>;

/// A group that is not known to be recorded.
pub(super) enum Failure {
    /// Certainly nothing was recorded, and the next group may be.
    Refused(StoreError),
    /// The medium can be trusted no further. A failed sync must not be tried again: the system may
    /// have dropped what it could not write and report success the second time.
    Broken(StoreError),
}

type Reply<T> = oneshot::Sender<Result<T, StoreError>>;
type Queued<B> = (<B as Backend>::Unit, Reply<<B as Backend>::Answer>);

/// The queue and its thread. Dropped, it records what is queued and ends on its own.
pub(super) struct CommitQueue<B: Backend> {
    sender: Mutex<Option<mpsc::Sender<Queued<B>>>>,
    poison: Arc<OnceLock<StoreError>>,
    thread: Mutex<Option<JoinHandle<Result<(), StoreError>>>>,
}

impl<B: Backend> CommitQueue<B> {
    /// Starts the thread.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the system gives no thread.
    pub(super) fn start(name: &str, backend: B) -> Result<Self, StoreError> {
        let (sender, receiver) = mpsc::channel(QUEUE_UNITS_MAX);
        let poison = Arc::new(OnceLock::new());
        let shared = Arc::clone(&poison);
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || run(backend, receiver, &shared))
            .map_err(|e| StoreError::Unavailable(format!("no thread: {e}")))?;
        Ok(Self { sender: Mutex::new(Some(sender)), poison, thread: Mutex::new(Some(thread)) })
    }

    /// Queues a unit at once; the future is only the wait for its answer.
    pub(super) fn submit(&self, unit: B::Unit) -> Later<Result<B::Answer, StoreError>>
    where
        B::Answer: 'static,
    {
        let (reply, answer) = oneshot::channel();
        let queued = match &*lock(&self.sender) {
            None => Err(closed()),
            Some(sender) => sender.try_send((unit, reply)).map_err(|e| match e {
                mpsc::error::TrySendError::Full(_) => refused("too many commits are waiting"),
                mpsc::error::TrySendError::Closed(_) => refused("its writer has ended"),
            }),
        };
        Box::pin(async move {
            queued?;
            answer.await.unwrap_or_else(|_| Err(refused("its writer has ended")))
        })
    }

    /// Whether units are being recorded.
    ///
    /// # Errors
    /// [`StoreError`]: why they are not.
    pub(super) fn ready(&self) -> Result<(), StoreError> {
        if let Some(error) = self.poison.get() {
            return Err(error.clone());
        }
        match &*lock(&self.sender) {
            None => Err(closed()),
            Some(sender) if sender.is_closed() => Err(refused("its writer has ended")),
            Some(_) => Ok(()),
        }
    }

    /// Takes no more units; what is queued is still recorded. The thread is the caller's to join.
    pub(super) fn finish(&self) -> Option<JoinHandle<Result<(), StoreError>>> {
        lock(&self.sender).take();
        lock(&self.thread).take()
    }
}

/// What these locks guard is one value, replaced whole: a panic elsewhere cannot leave it half
/// done.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn run<B: Backend>(
    mut backend: B,
    mut receiver: mpsc::Receiver<Queued<B>>,
    poison: &OnceLock<StoreError>,
) -> Result<(), StoreError> {
    let mut group = Vec::with_capacity(GROUP_UNITS_MAX);
    while receiver.blocking_recv_many(&mut group, GROUP_UNITS_MAX) > 0 {
        let (units, replies): (Vec<_>, Vec<_>) = group.drain(..).unzip();
        if let Some(error) = poison.get() {
            answer_all(replies, error);
            continue;
        }
        let watch = Stopwatch::start();
        histogram!(telemetry::STORE_COMMIT_UNITS).record(count(units.len()));
        let result = backend.record(units);
        histogram!(telemetry::STORE_COMMIT_SECONDS).record(watch.seconds());
        match result {
            Ok(answers) => {
                debug_assert_eq!(answers.len(), replies.len(), "one answer a unit");
                for (reply, answer) in replies.into_iter().zip(answers) {
                    // A caller that has left does not mind.
                    let _ = reply.send(answer);
                }
                if let Err(error) = backend.maintain(receiver.is_empty()) {
                    broken(poison, error);
                }
            }
            Err(Failure::Refused(error)) => answer_all(replies, &error),
            Err(Failure::Broken(error)) => answer_all(replies, broken(poison, error)),
        }
    }
    match poison.get() {
        Some(error) => Err(error.clone()),
        None => backend.close(),
    }
}

fn broken(poison: &OnceLock<StoreError>, error: StoreError) -> &StoreError {
    tracing::error!(%error, "the store records nothing any more; restart the server to recover");
    poison.get_or_init(|| error)
}

fn answer_all<T>(replies: Vec<Reply<T>>, error: &StoreError) {
    for reply in replies {
        let _ = reply.send(Err(error.clone()));
    }
}

fn count(units: usize) -> f64 {
    u32::try_from(units).map_or(f64::MAX, f64::from)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc as std_mpsc;

    use super::*;

    /// Answers each group with what it was told to, and says which groups it saw.
    struct Scripted {
        gate: std_mpsc::Receiver<Result<(), Failure>>,
        seen: std_mpsc::Sender<Vec<u32>>,
    }

    impl Backend for Scripted {
        type Unit = u32;
        type Answer = u32;

        fn record(&mut self, units: Vec<u32>) -> Result<Answers<u32>, Failure> {
            self.seen.send(units.clone()).unwrap();
            self.gate.recv().unwrap()?;
            Ok(units.into_iter().map(Ok).collect())
        }

        fn maintain(&mut self, _idle: bool) -> Result<(), StoreError> {
            Ok(())
        }

        fn close(self) -> Result<(), StoreError> {
            Ok(())
        }
    }

    type Script = (
        CommitQueue<Scripted>,
        std_mpsc::Sender<Result<(), Failure>>,
        std_mpsc::Receiver<Vec<u32>>,
    );

    fn scripted() -> Script {
        let (open, gate) = std_mpsc::channel();
        let (seen, groups) = std_mpsc::channel();
        (CommitQueue::start("test", Scripted { gate, seen }).unwrap(), open, groups)
    }

    fn failure() -> StoreError {
        refused("no room")
    }

    #[tokio::test]
    async fn what_queued_while_a_group_was_recorded_is_the_next_group() {
        let (queue, open, groups) = scripted();
        let first = queue.submit(0);
        assert_eq!(groups.recv().unwrap(), [0]);
        let rest: Vec<_> = (1..=600).map(|n| queue.submit(n)).collect();
        for _ in 0..3 {
            open.send(Ok(())).unwrap();
        }
        assert_eq!(first.await, Ok(0));
        for (n, answer) in (1..).zip(rest) {
            assert_eq!(answer.await, Ok(n));
        }
        assert_eq!(groups.recv().unwrap(), (1..=512).collect::<Vec<_>>());
        assert_eq!(groups.recv().unwrap(), (513..=600).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_broken_group_poisons_and_a_refused_one_does_not() {
        let (queue, open, _groups) = scripted();
        open.send(Err(Failure::Refused(failure()))).unwrap();
        assert_eq!(queue.submit(1).await, Err(failure()));
        assert_eq!(queue.ready(), Ok(()));
        open.send(Ok(())).unwrap();
        assert_eq!(queue.submit(2).await, Ok(2));
        open.send(Err(Failure::Broken(failure()))).unwrap();
        assert_eq!(queue.submit(3).await, Err(failure()));
        assert_eq!(queue.ready(), Err(failure()));
        // The backend is not asked again: the script has no further line and would panic.
        assert_eq!(queue.submit(4).await, Err(failure()));
        assert_eq!(queue.finish().unwrap().join().unwrap(), Err(failure()));
    }

    #[tokio::test]
    async fn finishing_records_what_is_queued_and_refuses_what_comes_later() {
        let (queue, open, _groups) = scripted();
        let queued: Vec<_> = (0..5).map(|n| queue.submit(n)).collect();
        let thread = queue.finish().unwrap();
        let late = queue.submit(9);
        for _ in 0..5 {
            open.send(Ok(())).unwrap();
        }
        for (n, answer) in (0..).zip(queued) {
            assert_eq!(answer.await, Ok(n));
        }
        assert_eq!(late.await, Err(closed()));
        assert_eq!(queue.ready(), Err(closed()));
        assert_eq!(thread.join().unwrap(), Ok(()));
    }

    #[tokio::test]
    async fn a_writer_that_panics_leaves_nobody_waiting() {
        let (queue, open, _groups) = scripted();
        drop(open);
        assert!(queue.submit(1).await.is_err());
        // The thread may take a moment to end; either way the answer is an error.
        assert!(queue.submit(2).await.is_err());
    }
}
