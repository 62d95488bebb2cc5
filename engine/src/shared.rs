//! State that all actors and the facade share.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use countersign_core::id::{AccountKey, ChallengeId, CredentialKey, TenantId};
use countersign_core::policy::{Limits, Unenrolled};
use countersign_core::set_backs::SetBacks;

use crate::actors::account::AccountActor;
use crate::actors::challenge::ChallengeActor;
use crate::actors::device::DeviceActor;
use crate::actors::threads::Arbiters;
use crate::engine::chores::Chores;
use crate::engine::outbox::Outbox;
use crate::engine::room::Watch;
use crate::error::{Error, Unavailable};
use crate::permits::{Permit, Permits};
use crate::ports::{Clock, Delivery, Entropy, Store};
use crate::registry::Registry;
use crate::verifier::Verifier;

/// A tenant's settings.
pub struct Tenant {
    /// Its limits.
    pub limits: Limits,
    /// Answer for users without an authenticator.
    pub unenrolled: Unenrolled,
    /// Names of custom data that a device may see.
    pub custom_public: Vec<String>,
    /// Waker of the users' devices. Without one they have to poll.
    pub delivery: Option<Arc<dyn Delivery>>,
}

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
    pub(crate) waiters: Permits,
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

    /// A permit for a poll that wants to wait, to be kept as long as it does.
    pub(crate) fn permit_to_wait(&self, wait_ms: u64) -> Option<Permit> {
        (wait_ms > 0).then(|| self.waiters.take()).flatten()
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }
}
