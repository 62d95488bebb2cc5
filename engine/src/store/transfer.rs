//! Checking all records of a store, and moving them into another store by way of a stream.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{Read, Write as IoWrite};
use std::sync::Arc;

use countersign_core::change::{Change, CommitId, Version, Write};
use countersign_core::id::AccountKey;

use super::stream::{Reader, StreamError, Writer, account_of};
use crate::ports::store::{Answer, Committed, Record, Store, StoreError};

/// Largest number of commits that an import has under way at a time.
const TOGETHER: usize = 2048;
/// Largest number of records in one unit. All of them belong to one account.
const UNIT_WRITES_MAX: usize = 256;
/// Largest number of damaged records that a check names.
pub const DAMAGED_NAMED_MAX: usize = 100;

/// Error of a transfer.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The stream cannot be read or written.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// The store failed, or has a record that cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store is not empty, and an import needs an empty one.
    #[error("the store is not empty: import into one that no server has used")]
    NotEmpty,
    /// The store keeps something else instead of the imported record.
    #[error("the store did not take over {0}")]
    NotTaken(String),
}

/// Result of a check.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Number of readable records by kind.
    pub records: HashMap<&'static str, u64>,
    /// Errors of the first [`DAMAGED_NAMED_MAX`] unreadable records.
    pub damaged: Vec<StoreError>,
    /// Number of all unreadable records.
    pub damaged_count: u64,
}

const fn kind(record: &Record) -> &'static str {
    match record {
        Record::Secret(..) => "secrets",
        Record::LatestTime(_) => "times",
        Record::Account(..) => "accounts",
        Record::Device(_) => "devices",
        Record::Action(_) => "actions",
        Record::Challenge(_) => "challenges",
        Record::Event(_) => "events",
    }
}

/// Reads every record of a store. `progress` receives the number of records in each batch.
///
/// # Errors
/// [`StoreError`] if the store fails, or the files that keep its records are damaged.
pub async fn check(store: &dyn Store, mut progress: impl FnMut(u64)) -> Result<Found, StoreError> {
    store.verify().await?;
    let (mut found, mut from) = (Found::default(), None);
    loop {
        let page = store.scan(from).await?;
        progress(page.records.len() as u64);
        for record in page.records {
            match record {
                Ok(record) => *found.records.entry(kind(&record)).or_default() += 1,
                Err(error) => {
                    found.damaged_count += 1;
                    if found.damaged.len() < DAMAGED_NAMED_MAX {
                        found.damaged.push(error);
                    }
                }
            }
        }
        let Some(next) = page.next else { return Ok(found) };
        from = Some(next);
    }
}

/// Writes every record of a store to a stream. Returns the number of records.
///
/// # Errors
/// [`TransferError`] if the store or the output fails, or any record cannot be read.
pub async fn export(
    store: &dyn Store,
    out: impl IoWrite,
    mut progress: impl FnMut(u64),
) -> Result<u64, TransferError> {
    let mut writer = Writer::new(out).map_err(StreamError::from)?;
    let mut from = None;
    loop {
        let page = store.scan(from).await?;
        progress(page.records.len() as u64);
        for record in page.records {
            writer.write(&record?).map_err(StreamError::from)?;
        }
        let Some(next) = page.next else { break };
        from = Some(next);
    }
    let (_, count) = writer.finish().map_err(StreamError::from)?;
    Ok(count)
}

/// Records everything of a stream in an empty store. Returns the number of records.
///
/// # Errors
/// [`TransferError`]. Records that were imported before the error stay: throw the store away.
pub async fn import(
    store: Arc<dyn Store>,
    input: impl Read,
    mut progress: impl FnMut(u64),
) -> Result<u64, TransferError> {
    let mut reader = Reader::new(input)?;
    if !is_empty(&*store).await? {
        return Err(TransferError::NotEmpty);
    }
    let mut import = Import {
        store,
        revisions: HashMap::new(),
        hasher: RandomState::new(),
        unit: None,
        under_way: VecDeque::new(),
    };
    let mut count = 0;
    while let Some(record) = reader.read()? {
        import.take(record).await?;
        count += 1;
        progress(1);
    }
    import.submit().await?;
    while import.answered().await? {}
    Ok(count)
}

async fn is_empty(store: &dyn Store) -> Result<bool, StoreError> {
    let mut from = None;
    loop {
        let page = store.scan(from).await?;
        if !page.records.is_empty() {
            return Ok(false);
        }
        let Some(next) = page.next else { return Ok(true) };
        from = Some(next);
    }
}

struct Import {
    store: Arc<dyn Store>,
    /// Number of changes of each account, by a hash of the account's key: about 20 bytes for each
    /// account. If two accounts share a hash, the number is wrong, and the revision in the store's
    /// answer is used.
    revisions: HashMap<u64, u32>,
    hasher: RandomState,
    /// Consecutive records of one account, which will be recorded as one unit.
    unit: Option<(AccountKey, Vec<Write>)>,
    under_way: VecDeque<(Change, Answer<Committed>)>,
}

impl Import {
    async fn take(&mut self, record: Record) -> Result<(), TransferError> {
        let account = account_of(&record).cloned();
        let (write, account) = match (record, account) {
            (Record::Secret(tenant, secret), _) => {
                let kept = self.store.token_secret(&tenant, secret).await?;
                let refused = || TransferError::NotTaken(format!("the secret of {tenant}"));
                return if kept == secret { Ok(()) } else { Err(refused()) };
            }
            (Record::LatestTime(time), _) => {
                self.store.observe(time).await?;
                return Ok(());
            }
            (Record::Account(_, record), Some(key)) => (Write::Account(record), key),
            (Record::Device(device), Some(key)) => (Write::Device(device.into()), key),
            (Record::Action(action), Some(key)) => (Write::Action(action.into()), key),
            (Record::Challenge(challenge), Some(key)) => (Write::Challenge(challenge.into()), key),
            (Record::Event(event), Some(key)) => (Write::Event(event), key),
            (_, None) => return Ok(()),
        };
        match &mut self.unit {
            Some((same, writes)) if *same == account && writes.len() < UNIT_WRITES_MAX => {
                writes.push(write);
            }
            _ => {
                self.submit().await?;
                self.unit = Some((account, vec![write]));
            }
        }
        Ok(())
    }

    /// Submits the collected unit as a commit. Commits of one account keep their order.
    async fn submit(&mut self) -> Result<(), TransferError> {
        let Some((account, writes)) = self.unit.take() else { return Ok(()) };
        if self.under_way.len() >= TOGETHER {
            self.answered().await?;
        }
        let revision = self.revisions.entry(self.hasher.hash_one(&account)).or_default();
        let parent = Version { number: u64::from(*revision), commit: CommitId::NONE };
        let change = Change { account, parent, id: CommitId::NONE, writes };
        *revision += 1;
        let committed = self.store.commit(change.clone());
        self.under_way.push_back((change, committed));
        Ok(())
    }

    /// Waits for the oldest commit under way. Returns false if there is none.
    async fn answered(&mut self) -> Result<bool, TransferError> {
        let Some((mut change, mut committed)) = self.under_way.pop_front() else {
            return Ok(false);
        };
        loop {
            match committed.await? {
                Committed::Recorded => return Ok(true),
                Committed::Stale { recorded } if recorded != change.parent => {
                    change.parent = recorded;
                    committed = self.store.commit(change.clone());
                }
                Committed::Stale { .. } | Committed::Known(_) => {
                    return Err(TransferError::NotTaken("an account".to_owned()));
                }
                Committed::Ended { challenge, .. } => {
                    return Err(TransferError::NotTaken(format!("challenge {challenge}")));
                }
            }
        }
    }
}
