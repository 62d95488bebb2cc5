//! Storage of the clock's set-backs.
//!
//! They are stored in the record of a reserved account, which belongs to no user, because every
//! store can already keep, export and import account records.

use std::sync::Arc;

use countersign_core::account::{AccountRecord, Profile};
use countersign_core::change::{Change, CommitId, Version, Write};
use countersign_core::fatigue::Counters;
use countersign_core::id::{AccountKey, TenantId, UserId};
use countersign_core::set_backs::{SET_BACKS_TENANT, SetBacks};
use countersign_core::time::UnixMillis;

use crate::error::{Error, Unavailable};
use crate::ports::Store;
use crate::ports::store::{Committed, StoreError};

const USER: &str = "set-backs";

fn key() -> AccountKey {
    let tenant = TenantId::parse(SET_BACKS_TENANT).expect("it is a tenant's id");
    AccountKey { tenant, user: UserId::parse(USER).expect("it is a user's id") }
}

/// Reads the set-backs, and the version of their record.
pub(super) async fn load(store: &Arc<dyn Store>) -> Result<(SetBacks, Version), Error> {
    let snapshot = store.account(&key()).await?;
    let Some(text) = snapshot.record.and_then(|record| record.profile.custom) else {
        return Ok((SetBacks::default(), snapshot.version));
    };
    let rows: Vec<[u64; 3]> = serde_json::from_str(&text)
        .map_err(|_| StoreError::Unreadable("the set-backs of the clock".to_owned()))?;
    Ok((SetBacks::from_rows(&rows), snapshot.version))
}

pub(super) async fn keep(
    store: &Arc<dyn Store>,
    set_backs: &SetBacks,
    parent: Version,
    now: UnixMillis,
) -> Result<(), Error> {
    let rows = serde_json::to_string(&set_backs.to_rows()).expect("numbers are written");
    let record = AccountRecord {
        created_at: now,
        profile: Profile { custom: Some(rows.into()), ..Profile::default() },
        counters: Counters::default(),
        tickets: Vec::new(),
    };
    let (id, writes) = (CommitId::NONE, vec![Write::Account(record)]);
    let change = Change { account: key(), parent, id, writes };
    match store.commit(change).await? {
        Committed::Recorded => Ok(()),
        Committed::Stale { .. } | Committed::Known(_) | Committed::Ended { .. } => {
            Err(Unavailable::AccountChanged.into())
        }
    }
}
