//! State that all actors and the facade share.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use countersign_core::id::{AccountKey, ChallengeId, CredentialKey, TenantId};
use countersign_core::set_backs::SetBacks;

use crate::actors::account::AccountActor;
use crate::actors::challenge::ChallengeActor;
use crate::actors::device::DeviceActor;
use crate::actors::threads::Arbiters;
use crate::engine::chores::Chores;
use crate::error::{Error, Unavailable};
use crate::free_room::Watch;
use crate::outbox::Outbox;
use crate::permits::{Place, Places};
use crate::ports::{Clock, Entropy, Store};
use crate::registry::Registry;
use crate::tenant::Tenant;
use crate::verifier::Verifier;

/// A challenge's place in its registry.
pub(crate) type ChallengeKey = (TenantId, ChallengeId);

pub(crate) struct Shared {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) verifier: Verifier,
    pub(crate) tenants: HashMap<TenantId, Arc<Tenant>>,
    pub(crate) arbiters: Arbiters,
    pub(crate) accounts: Registry<AccountKey, AccountActor>,
    pub(crate) devices: Registry<CredentialKey, DeviceActor>,
    pub(crate) challenges: Registry<ChallengeKey, ChallengeActor>,
    /// Room that is left to the store.
    pub(crate) room: Watch,
    pub(crate) outbox: Arc<Outbox>,
    /// Work that is done at intervals.
    pub(crate) chores: Chores,
    /// Polls that wait.
    pub(crate) waiters: Places,
    /// Starts by a clock that was behind the times in the store, once they were looked up.
    pub(crate) set_backs: OnceLock<SetBacks>,
    pub(crate) draining: AtomicBool,
    pub(crate) recovering: AtomicBool,
    /// Challenges that recovery has ended.
    pub(crate) recovered: AtomicU64,
}

impl Shared {
    /// The settings of a tenant. Its callers were authenticated against the same list.
    pub(crate) fn tenant(&self, id: &TenantId) -> Result<Arc<Tenant>, Error> {
        let unknown = || Unavailable::TenantMissing.into();
        self.tenants.get(id).cloned().ok_or_else(unknown)
    }

    /// A place for a poll that wants to wait, to be kept as long as it does.
    pub(crate) fn place_to_wait(&self, wait_ms: u64) -> Option<Place> {
        (wait_ms > 0).then(|| self.waiters.enter()).flatten()
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }
}
