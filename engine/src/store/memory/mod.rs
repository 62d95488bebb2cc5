//! The store for tests and measurements. It keeps everything in memory, and loses it at a restart.
//!
//! It implements the whole [`Store`] contract, indexes included, and answers at once. Only pruning
//! limits its size.

mod entry;
mod indexes;
mod outbox;
mod prune;
mod state;

use std::sync::{Arc, Mutex, MutexGuard};

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

use self::state::State;
use super::refused;
use crate::ports::store::{
    ActionQuery, Answer, Committed, Cursor, Page, Store, StoreError, UserQuery,
};

/// Returns the caller's own copy of a record.
fn owned<T: Clone>(record: &Arc<T>) -> T {
    T::clone(record)
}

/// A store that keeps everything in memory.
#[derive(Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

impl MemoryStore {
    /// Locks the state. After a panic under the lock every call fails, because half a unit may have
    /// been applied.
    fn state(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        let state = self.state.lock().map_err(|_| refused("it panicked"))?;
        if state.is_closed { Err(StoreError::Closed) } else { Ok(state) }
    }

    fn answer<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&mut State) -> Result<T, StoreError>,
    ) -> Answer<T> {
        Box::pin(std::future::ready(self.state().and_then(|mut state| ask(&mut state))))
    }
}

impl Store for MemoryStore {
    fn commit(&self, change: Change) -> Answer<Committed> {
        self.answer(|state| state.commit(change))
    }

    fn account(&self, key: &AccountKey) -> Answer<Snapshot> {
        self.answer(|state| Ok(state.snapshot(key)))
    }

    fn action(&self, account: &AccountKey, key: &ActionKey) -> Answer<Option<Action>> {
        self.answer(|state| {
            let entry = state.accounts.get(account);
            Ok(entry.and_then(|e| e.actions.get(key)).map(|(_, action)| owned(action)))
        })
    }

    fn actions(&self, account: &AccountKey, query: ActionQuery) -> Answer<Vec<Action>> {
        self.answer(|state| Ok(state.actions(account, &query)))
    }

    fn challenge(&self, account: &AccountKey, id: &ChallengeId) -> Answer<Option<Challenge>> {
        let name = (account.clone(), id.clone());
        self.answer(|state| Ok(state.challenges.get(&name).map(owned)))
    }

    fn devices_of_key(&self, key: &CredentialKey) -> Answer<Vec<Device>> {
        self.answer(|state| Ok(state.devices_of_key(key)))
    }

    fn account_of_ticket(&self, ticket: &Digest) -> Answer<Option<AccountKey>> {
        self.answer(|state| Ok(state.indexes.tickets.get(ticket).cloned()))
    }

    fn users(&self, tenant: &TenantId, query: UserQuery) -> Answer<Vec<(UserId, AccountRecord)>> {
        self.answer(|state| Ok(indexes::users(&state.accounts, &state.indexes, tenant, &query)))
    }

    fn overdue(
        &self,
        now: UnixMillis,
        held_before: UnixMillis,
        limit: usize,
    ) -> Answer<Vec<Challenge>> {
        self.answer(|state| Ok(state.overdue(now, held_before, limit)))
    }

    fn due_events(&self, now: UnixMillis, limit: usize) -> Answer<Vec<Event>> {
        self.answer(|state| Ok(state.outbox.due(now, limit)))
    }

    fn put_off_event(&self, event: &Event) -> Answer<()> {
        self.answer(|state| {
            state.outbox.put_off(event);
            Ok(())
        })
    }

    fn remove_event(&self, account: &AccountKey, id: &EventId) -> Answer<()> {
        self.answer(|state| {
            state.outbox.remove(account, id);
            Ok(())
        })
    }

    fn token_secret(&self, tenant: &TenantId, fresh: [u8; 32]) -> Answer<[u8; 32]> {
        self.answer(|state| Ok(*state.secrets.entry(tenant.clone()).or_insert(fresh)))
    }

    fn prune(&self, actions_before: UnixMillis, challenges_before: UnixMillis) -> Answer<u64> {
        self.answer(|state| Ok(state.prune(actions_before, challenges_before)))
    }

    fn observe(&self, now: UnixMillis) -> Answer<UnixMillis> {
        self.answer(|state| {
            let before = state.latest.unwrap_or(now);
            state.latest = Some(before.max(now));
            Ok(before)
        })
    }

    /// Returns all records as one page, because this store is for tests.
    fn scan(&self, _: Option<Cursor>) -> Answer<Page> {
        self.answer(|state| Ok(Page { records: state.records().map(Ok).collect(), next: None }))
    }

    fn ready(&self) -> Result<(), StoreError> {
        self.state().map(|_| ())
    }

    fn close(&self) -> Answer<()> {
        self.answer(|state| {
            state.is_closed = true;
            Ok(())
        })
    }
}
