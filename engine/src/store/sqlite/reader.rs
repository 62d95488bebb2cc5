//! Threads that read, each on a connection of its own, so that a slow disk never holds up a
//! caller's thread.

use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::files::Files;
use super::{Fault, schema};
use crate::ports::store::{Answer, StoreError};
use crate::store::intake::Intake;
use crate::store::{READS_FULL, lock, refused};

/// Reads that run at the same time.
const READERS: usize = 2;
/// Reads that wait, at most; one more is refused.
const QUEUE_READS_MAX: usize = 8_192;

type Job = Box<dyn FnOnce(&Connection) + Send>;

pub(super) struct Readers {
    intake: Intake<Job>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Readers {
    pub(super) fn start(files: &Arc<Files>) -> Result<Self, StoreError> {
        let (sender, receiver) = mpsc::channel(QUEUE_READS_MAX);
        let receiver = Arc::new(Mutex::new(receiver));
        let mut threads = Vec::with_capacity(READERS);
        for n in 0..READERS {
            let connection = schema::open_reader(&files.path)?;
            let (receiver, files) = (Arc::clone(&receiver), Arc::clone(files));
            let thread = std::thread::Builder::new()
                .name(format!("store-reader-{n}"))
                .spawn(move || run(connection, &receiver, files))
                .map_err(|e| StoreError::Unavailable(format!("no thread: {e}")))?;
            threads.push(thread);
        }
        let intake = Intake::new(sender, READS_FULL, "its readers have ended");
        Ok(Self { intake, threads: Mutex::new(threads) })
    }

    /// Queues a read at once; the future is only the wait for its answer.
    pub(super) fn read<T, F>(&self, query: F) -> Answer<T>
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
        let queued = self.intake.send(|| (job, ()));
        Box::pin(async move {
            queued?;
            answer.await.unwrap_or_else(|_| Err(refused("its reader has ended")))
        })
    }

    pub(super) fn ready(&self) -> Result<(), StoreError> {
        match self.intake.ready() {
            // Reads that queue soon pass.
            Err(StoreError::Busy(_)) => Ok(()),
            ready => ready,
        }
    }

    /// Takes no more reads. Those in the queue are still answered. The caller joins the threads.
    pub(super) fn finish(&self) -> Vec<JoinHandle<()>> {
        self.intake.close();
        std::mem::take(&mut *lock(&self.threads))
    }
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
