//! The embedded store: one SQLite file, one writer thread with group commit, and reader threads.
//!
//! A commit is answered after it is synced. A killed process loses nothing that was answered; nor
//! does a power cut, if the disk reports its writes truthfully. Rows carry checksums, because the
//! pages of the database have none.

mod accounts;
mod actions;
mod cases;
mod change;
mod conversion;
mod files;
mod hot;
mod log;
mod outbox;
mod prune;
mod queries;
mod reader;
mod scan;
mod schema;
#[cfg(test)]
mod tests;
mod tickets;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign_core::account::{AccountRecord, Snapshot};
use countersign_core::action::Action;
use countersign_core::challenge::Challenge;
use countersign_core::change::Change;
use countersign_core::device::Device;
use countersign_core::event::Event;
use countersign_core::id::{
    AccountKey, ActionKey, ChallengeId, CredentialKey, EventId, TenantId, UserId,
};
use countersign_core::statement::Digest;
use countersign_core::time::UnixMillis;
use tokio::sync::oneshot;

use self::files::Files;
use self::prune::{Before, Step};
use self::reader::Readers;
use self::writer::{Medium, WritingConnection};
use super::commit_queue::CommitQueue;
use super::durability::may_lag;
use super::failures::Failures;
use super::{Durability, refused};
use crate::ports::Later;
use crate::ports::store::{
    ActionQuery, Answer, Committed, Cursor, Page, Store, StoreError, Unwritten, UserQuery,
};

/// A store that keeps everything in one `SQLite` file.
///
/// If it is dropped without [`Store::close`], its thread still records the queued units, and the
/// file stays locked until then.
pub struct SqliteStore {
    queue: Arc<CommitQueue<WritingConnection>>,
    readers: Arc<Readers>,
    failures: Arc<Failures>,
    /// Path of the database, to measure the free space on its disk.
    path: PathBuf,
}

impl SqliteStore {
    /// Opens the file. Creates it with mode 0600 if it is missing, and missing folders with mode
    /// 0700. Converts a file of an older layout, which may take minutes.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if it cannot be opened or another server has it open,
    /// [`StoreError::Unreadable`] if it is not a file of this store, or its layout is unknown.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_with(path, Durability::Sync)
    }

    /// Opens the file as [`Self::open`] does. `durability` decides when commits are answered.
    ///
    /// # Errors
    /// Those of [`Self::open`], and [`StoreError::Unreadable`] if the file is damaged or lacks
    /// recorded commits. A large file is checked in the background after it is opened; then
    /// [`Store::broken`] reports damage.
    pub fn open_with(path: &Path, durability: Durability) -> Result<Self, StoreError> {
        let files = Arc::new(Files::prepare(path)?);
        log::check(&files.path, files.same_boot)?;
        conversion::at_open(&files)?;
        let writer = WritingConnection::open(Arc::clone(&files))?;
        files.note_opened()?;
        let checked = scan::check_at_open(&files.path)?;
        let queue = Arc::new(CommitQueue::start("store-writer", writer, durability)?);
        let readers = Arc::new(Readers::start(&files)?);
        if !checked {
            check_behind(&files, &queue)?;
        }
        let path = files.path.clone();
        Ok(Self { queue, readers, failures: Arc::default(), path })
    }

    /// Queues a read. It sees every commit that was answered before.
    fn read<T, F>(&self, query: F) -> Answer<T>
    where
        T: Send + 'static,
        F: FnOnce(&rusqlite::Connection) -> Result<T, Fault> + Send + 'static,
    {
        let Some(settled) = self.queue.settled() else {
            return self.failures.watch(self.readers.read(query));
        };
        let readers = Arc::clone(&self.readers);
        self.failures.watch(Box::pin(async move {
            settled.await?;
            readers.read(query).await
        }))
    }

    /// Queues a unit. `early` is its answer if it may be answered before it is recorded.
    fn write<T, W>(&self, early: Option<T>, work: W) -> Answer<T>
    where
        T: Clone + PartialEq + Send + 'static,
        W: FnMut(&mut Medium) -> Result<T, Fault> + Send + 'static,
    {
        self.failures.watch(self.queue.submit(early, writer::in_group(work)))
    }
}

/// Checks a large file on a separate thread. Damage breaks the store.
fn check_behind(
    files: &Arc<Files>,
    queue: &Arc<CommitQueue<WritingConnection>>,
) -> Result<(), StoreError> {
    let (files, queue) = (Arc::clone(files), Arc::downgrade(queue));
    let thread = std::thread::Builder::new().name("store-check".to_owned()).spawn(move || {
        let Err(error) = scan::check_file(&files.path) else { return };
        if let Some(queue) = queue.upgrade() {
            queue.break_with(error);
        }
    });
    thread.map(|_| ()).map_err(|e| StoreError::Unavailable(format!("no thread: {e}")))
}

/// Error of a statement or of a row.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
enum Fault {
    Sql(#[from] rusqlite::Error),
    Row(#[from] StoreError),
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Sql(error) => unavailable(&error),
            Fault::Row(error) => error,
        }
    }
}

/// Converts an error of the driver. Its messages name statements and files, never bound values.
fn unavailable(error: &rusqlite::Error) -> StoreError {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    match error.sqlite_error_code() {
        Some(DatabaseCorrupt | NotADatabase) => StoreError::Unreadable(error.to_string()),
        _ => StoreError::Unavailable(error.to_string()),
    }
}

/// Converts a number for SQLite, whose largest integer is 2^63-1. A greater number is replaced by
/// that: no time and no revision reaches it.
fn sql_int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl Store for SqliteStore {
    fn commit(&self, change: Change) -> Answer<Committed> {
        let early = may_lag(&change).then_some(Committed::Recorded);
        let failures = Arc::clone(&self.failures);
        self.write(early, move |medium| change::commit(medium, &change, &failures))
    }

    fn account(&self, key: &AccountKey) -> Answer<Snapshot> {
        let key = key.clone();
        self.read(move |connection| queries::account(connection, &key))
    }

    fn action(&self, account: &AccountKey, key: &ActionKey) -> Answer<Option<Action>> {
        let (account, key) = (account.clone(), key.clone());
        self.read(move |connection| actions::action(connection, &account, &key))
    }

    fn actions(&self, account: &AccountKey, query: ActionQuery) -> Answer<Vec<Action>> {
        let account = account.clone();
        self.read(move |connection| actions::actions(connection, &account, &query))
    }

    fn challenge(&self, account: &AccountKey, id: &ChallengeId) -> Answer<Option<Challenge>> {
        let (account, id) = (account.clone(), id.clone());
        self.read(move |connection| actions::challenge(connection, &account, &id))
    }

    fn devices_of_key(&self, key: &CredentialKey) -> Answer<Vec<Device>> {
        let (key, failures) = (key.clone(), Arc::clone(&self.failures));
        self.read(move |connection| queries::devices_of_key(connection, &key, &failures))
    }

    fn account_of_ticket(&self, ticket: &Digest) -> Answer<Option<AccountKey>> {
        let ticket = *ticket;
        self.read(move |connection| tickets::account_of(connection, &ticket))
    }

    fn users(&self, tenant: &TenantId, query: UserQuery) -> Answer<Vec<(UserId, AccountRecord)>> {
        let (tenant, failures) = (tenant.clone(), Arc::clone(&self.failures));
        self.read(move |connection| queries::users(connection, &tenant, &query, &failures))
    }

    fn overdue(
        &self,
        now: UnixMillis,
        held_before: UnixMillis,
        limit: usize,
    ) -> Answer<Vec<Challenge>> {
        let failures = Arc::clone(&self.failures);
        self.read(move |connection| {
            queries::overdue(connection, now, held_before, limit, &failures)
        })
    }

    fn due_events(&self, now: UnixMillis, limit: usize) -> Answer<Vec<Event>> {
        let failures = Arc::clone(&self.failures);
        self.read(move |connection| outbox::due(connection, now, limit, &failures))
    }

    fn put_off_event(&self, event: &Event) -> Answer<()> {
        let event = event.clone();
        self.write(None, move |m| Ok(outbox::write(&m.connection, outbox::PUT_OFF, &event)?))
    }

    fn remove_event(&self, account: &AccountKey, id: &EventId) -> Answer<()> {
        let (account, id) = (account.clone(), id.clone());
        self.write(None, move |m| Ok(outbox::remove(&m.connection, &account, &id)?))
    }

    fn token_secret(&self, tenant: &TenantId, fresh: [u8; 32]) -> Answer<[u8; 32]> {
        let tenant = tenant.clone();
        self.write(None, move |m| writer::token_secret(&m.connection, &tenant, &fresh))
    }

    fn prune(&self, actions_before: UnixMillis, challenges_before: UnixMillis) -> Answer<u64> {
        let (queue, failures) = (Arc::clone(&self.queue), Arc::clone(&self.failures));
        let before = Before { actions: actions_before, challenges: challenges_before };
        // Prunes in small units, so that commits can be recorded between them.
        self.failures.watch(Box::pin(async move {
            let (mut total, mut next) = (0_u64, Some(Step::Hot(0)));
            while let Some(step) = next {
                let failures = Arc::clone(&failures);
                let prune =
                    writer::in_group(move |medium| prune::step(medium, step, before, &failures));
                let (gone, following) = queue.submit(None, prune).await?;
                total += u64::from(gone);
                next = following;
            }
            Ok(total)
        }))
    }

    fn observe(&self, now: UnixMillis) -> Answer<UnixMillis> {
        self.write(None, move |m| writer::observe(&m.connection, now))
    }

    fn scan(&self, from: Option<Cursor>) -> Answer<Page> {
        self.read(move |connection| scan::page(connection, from.as_ref()))
    }

    fn verify(&self) -> Answer<()> {
        self.read(scan::verify)
    }

    fn room(&self) -> Answer<Option<u64>> {
        let path = self.path.clone();
        // Runs on a reader thread, because a call to a disk may block.
        self.readers.read(move |_| Ok(files::room(&path)))
    }

    fn unwritten(&self) -> Unwritten {
        self.queue.lag.unwritten()
    }

    fn unreadable(&self) -> u64 {
        self.failures.unreadable()
    }

    fn broken(&self) -> Later<StoreError> {
        self.queue.broken()
    }

    fn ready(&self) -> Result<(), StoreError> {
        self.queue.ready()?;
        self.readers.ready()
    }

    fn close(&self) -> Answer<()> {
        let reading = self.readers.finish();
        let writing = self.queue.finish();
        let (reply, closed) = oneshot::channel();
        // A separate thread joins the others, because joining blocks. Readers end first, because
        // the last checkpoint needs the file for itself.
        let waiter = std::thread::Builder::new().name("store-close".to_owned()).spawn(move || {
            let panicked = || Err(refused("a thread of the store panicked"));
            let read = reading.into_iter().try_for_each(|t| t.join().or_else(|_| panicked()));
            let written = writing.map_or_else(
                || Err(StoreError::Closed),
                |t| t.join().unwrap_or_else(|_| panicked()),
            );
            // If the caller no longer waits, the answer is dropped.
            let _ = reply.send(read.and(written));
        });
        Box::pin(async move {
            waiter.map_err(|e| StoreError::Unavailable(format!("no thread: {e}")))?;
            closed.await.unwrap_or_else(|_| Err(refused("its closing thread has ended")))
        })
    }
}
