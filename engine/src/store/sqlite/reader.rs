//! Threads that read, each on a connection of its own, so that a slow disk never holds up a
//! caller's thread.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::files::Files;
use super::{Fault, schema};
use crate::ports::Later;
use crate::ports::store::StoreError;
use crate::store::{closed, refused};

/// Reads that run at the same time.
const READERS: usize = 2;
/// Reads that wait, at most; one more is refused.
const QUEUE_READS_MAX: usize = 8_192;

type Job = Box<dyn FnOnce(&Connection) + Send>;

pub(super) struct Readers {
    sender: Mutex<Option<mpsc::Sender<Job>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Readers {
    pub(super) fn start(files: &Arc<Files>) -> Result<Self, StoreError> {
        let (sender, receiver) = mpsc::channel(QUEUE_READS_MAX);
        let receiver = Arc::new(Mutex::new(receiver));
        let mut threads = Vec::with_capacity(READERS);
        for n in 0..READERS {
            let connection = schema::open_reader(files.path())?;
            let (receiver, files) = (Arc::clone(&receiver), Arc::clone(files));
            let thread = std::thread::Builder::new()
                .name(format!("store-reader-{n}"))
                .spawn(move || run(connection, &receiver, files))
                .map_err(|e| StoreError::Unavailable(format!("no thread: {e}")))?;
            threads.push(thread);
        }
        Ok(Self { sender: Mutex::new(Some(sender)), threads: Mutex::new(threads) })
    }

    /// Queues a read at once; the future is only the wait for its answer.
    pub(super) fn read<T, F>(&self, query: F) -> Later<Result<T, StoreError>>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            // A caller that has left does not mind.
            if !reply.is_closed() {
                let _ = reply.send(query(connection).map_err(StoreError::from));
            }
        });
        let queued = match &*lock(&self.sender) {
            None => Err(closed()),
            Some(sender) => sender.try_send(job).map_err(|e| match e {
                mpsc::error::TrySendError::Full(_) => refused("too many reads are waiting"),
                mpsc::error::TrySendError::Closed(_) => refused("its readers have ended"),
            }),
        };
        Box::pin(async move {
            queued?;
            answer.await.unwrap_or_else(|_| Err(refused("its reader has ended")))
        })
    }

    pub(super) fn ready(&self) -> Result<(), StoreError> {
        match &*lock(&self.sender) {
            None => Err(closed()),
            Some(sender) if sender.is_closed() => Err(refused("its readers have ended")),
            Some(_) => Ok(()),
        }
    }

    /// Takes no more reads. Those in the queue are still answered. The caller joins the threads.
    pub(super) fn finish(&self) -> Vec<JoinHandle<()>> {
        lock(&self.sender).take();
        std::mem::take(&mut *lock(&self.threads))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn run(connection: Connection, receiver: &Mutex<mpsc::Receiver<Job>>, files: Arc<Files>) {
    loop {
        // Waiting under the lock is the queue: the others wait for the lock.
        let job = lock(receiver).blocking_recv();
        let Some(job) = job else { break };
        job(&connection);
    }
    // The files stay locked until the connection is closed.
    drop(connection);
    drop(files);
}
