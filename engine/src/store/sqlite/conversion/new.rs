//! The new file while it is filled. It has no journal and is not synced, because a conversion that
//! is killed begins anew.

use std::path::Path;

use countersign_core::change::{Change, CommitId, Version, Write};
use countersign_core::event::Event;
use countersign_core::id::{AccountKey, TenantId};
use countersign_core::time::UnixMillis;
use rusqlite::Connection;

use crate::ports::store::{Committed, StoreError};
use crate::store::failures::Failures;
use crate::store::sqlite::accounts::Accounts;
use crate::store::sqlite::cases::CaseIds;
use crate::store::sqlite::writer::{self, Medium};
use crate::store::sqlite::{Fault, change, outbox, schema};

/// Page cache in KiB. It holds the inner pages of the indexes that are written at random places.
const CACHE_KIB: i64 = 65_536;
/// Number of commits in one group.
const GROUP: u32 = 1024;

/// A new file, with the index of the old file's challenges beside it.
pub(super) struct NewFile {
    medium: Medium,
    in_group: u32,
}

impl NewFile {
    /// Makes the tables in an empty file. `index` is an empty file too.
    pub(super) fn create(path: &Path, index: &Path) -> Result<Self, Fault> {
        let connection = schema::connect(path)?;
        connection.execute("ATTACH ?1 AS joined", [index.to_string_lossy()])?;
        for database in ["main", "joined"] {
            connection.pragma_update_and_check(
                Some(database),
                "journal_mode",
                "OFF",
                |_| Ok(()),
            )?;
            connection.pragma_update(Some(database), "synchronous", "OFF")?;
        }
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        connection.execute_batch("BEGIN")?;
        connection.execute_batch(schema::TABLES)?;
        let (accounts, case_ids) = (Accounts::default(), CaseIds::after(0, 0));
        Ok(Self { medium: Medium { connection, accounts, case_ids }, in_group: 0 })
    }

    pub(super) const fn connection(&self) -> &Connection {
        &self.medium.connection
    }

    /// Ends the file. The caller syncs it.
    pub(super) fn finish(self) -> Result<(), Fault> {
        let Self { medium: Medium { connection, .. }, .. } = self;
        connection.execute_batch("COMMIT")?;
        connection.close().map_err(|(_, error)| error.into())
    }

    pub(super) fn put_secret(&self, tenant: &TenantId, secret: &[u8; 32]) -> Result<(), Fault> {
        writer::token_secret(self.connection(), tenant, secret).map(drop)
    }

    pub(super) fn put_latest_time(&self, time: UnixMillis) -> Result<(), Fault> {
        writer::observe(self.connection(), time).map(drop)
    }

    pub(super) fn put_event(&self, event: &Event) -> Result<(), Fault> {
        Ok(outbox::write(self.connection(), outbox::PUT, event)?)
    }

    /// Writes records of an account that has none of them, and sets its revision.
    pub(super) fn put_account(
        &mut self,
        account: &AccountKey,
        revision: u64,
        writes: Vec<Write>,
    ) -> Result<(), Fault> {
        self.commit(account, Some(revision), writes)
    }

    /// Writes records of an account, whose revision stays. An ended challenge may outlive
    /// everything else of its user, who counts as a removed one.
    pub(super) fn put(&mut self, account: &AccountKey, writes: Vec<Write>) -> Result<(), Fault> {
        self.commit(account, None, writes)
    }

    fn commit(
        &mut self,
        account: &AccountKey,
        revision: Option<u64>,
        mut writes: Vec<Write>,
    ) -> Result<(), Fault> {
        let Medium { connection, accounts, .. } = &mut self.medium;
        let known = accounts.get(connection, account)?;
        if known.id.is_none() && revision.is_none() {
            writes.insert(0, Write::RemoveAccount);
        }
        let number = revision.unwrap_or(known.hot.version.number);
        // The commit raises it to the revision again.
        known.hot.version = Version { number: number.saturating_sub(1), commit: CommitId::NONE };
        let (account, parent) = (account.clone(), known.hot.version);
        let change = Change { account, parent, id: CommitId::NONE, writes };
        if change::commit(&mut self.medium, &change, &Failures::default())? != Committed::Recorded {
            let reason = "two records have the same name".to_owned();
            return Err(StoreError::Unreadable(reason).into());
        }
        self.in_group += 1;
        if self.in_group == GROUP {
            self.in_group = 0;
            self.medium.accounts.end_group(true);
        }
        Ok(())
    }
}
