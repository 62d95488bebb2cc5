//! Reader threads, each with its own connection, so that a slow disk does not block the threads of
//! callers.

use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::files::Files;
use super::{Fault, schema};
use crate::ports::store::{Answer, StoreError};
use crate::store::intake::Intake;
use crate::store::{READS_FULL, lock, refused};

/// Number of reader threads.
const READERS: usize = 2;
/// Largest number of waiting reads. The store refuses any more.
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

    /// Queues a read at once. The future only waits for the answer.
    pub(super) fn read<T, F>(&self, query: F) -> Answer<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            // If the caller no longer waits, the read is skipped.
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
            // A full queue of reads empties soon.
            Err(StoreError::Busy(_)) => Ok(()),
            ready => ready,
        }
    }

    /// Stops accepting reads. Queued reads are still answered. The caller joins the returned
    /// threads.
    pub(super) fn finish(&self) -> Vec<JoinHandle<()>> {
        self.intake.close();
        std::mem::take(&mut *lock(&self.threads))
    }
}

fn run(connection: Connection, receiver: &Mutex<mpsc::Receiver<Job>>, files: Arc<Files>) {
    loop {
        // One thread waits for a job under the lock, and the others wait for the lock.
        let job = lock(receiver).blocking_recv();
        let Some(job) = job else { break };
        job(&connection);
    }
    // The files stay locked until the connection is closed.
    drop(connection);
    drop(files);
}
