//! The facade: everything that a route can do is a method here.

pub(crate) mod chores;
mod clock_gap;
pub(crate) mod device;
mod housekeeping;
pub(crate) mod initiator;
pub(crate) mod operator;
pub(crate) mod outbox;
mod recovery;
pub(crate) mod relying_party;
pub(crate) mod room;
mod set_backs;

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use countersign_core::id::TenantId;
use countersign_core::set_backs::SetBacks;
use countersign_core::time::UnixMillis;

use self::chores::Chores;
pub use self::room::Room;
use self::room::Watch;
use crate::actors::Drain;
use crate::actors::threads::Arbiters;
use crate::error::{Error, Unavailable};
use crate::permits::Places;
use crate::ports::store::{StoreError, Unwritten};
use crate::ports::{Clock, Entropy, Store};
use crate::registry::Registry;
use crate::shared::{Shared, Tenant};
use crate::verifier::Verifier;

/// Sizes of the engine.
#[derive(Clone, Debug)]
pub struct EngineSettings {
    /// Threads that actors live on; with 0 they live on the event loops that activate them.
    pub actor_threads: usize,
    /// Threads that check signatures; 0 means one per core.
    pub verifier_threads: usize,
    /// Signature checks that are queued or running, at most.
    pub verify_queue_max: usize,
    /// Most actors in memory. A request that needs one more is refused.
    pub activations_max: usize,
    /// Polls that wait together, at most. One more is answered as if its time was over.
    pub waiters_max: usize,
    /// Retention of actions, in milliseconds.
    pub action_retention_ms: u64,
    /// Retention of ended challenges, in milliseconds.
    pub challenge_retention_ms: u64,
    /// Bytes of the store's free room below which the engine warns; 0 for no warning.
    pub room_warn_bytes: u64,
}

impl Default for EngineSettings {
    fn default() -> Self {
        const DAY_MS: u64 = 24 * 3600 * 1000;
        Self {
            actor_threads: 0,
            verifier_threads: 0,
            verify_queue_max: 4096,
            activations_max: 500_000,
            waiters_max: 100_000,
            action_retention_ms: 30 * DAY_MS,
            challenge_retention_ms: DAY_MS,
            room_warn_bytes: 256 << 20,
        }
    }
}

/// The ports under the engine.
#[derive(Clone)]
pub struct Ports {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Random bytes.
    pub entropy: Arc<dyn Entropy>,
}

/// The facade over actors, store and verifier. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

impl Engine {
    /// Starts the engine. It needs a running actix system.
    #[must_use]
    pub fn start(
        settings: &EngineSettings,
        ports: Ports,
        tenants: HashMap<TenantId, Tenant>,
    ) -> Self {
        let Ports { store, clock, entropy } = ports;
        let (threads, queue_max) = (settings.verifier_threads, settings.verify_queue_max);
        let places = Places::new(settings.activations_max);
        let shared = Shared {
            verifier: Verifier::start(threads, queue_max, entropy.clone()),
            store,
            clock,
            entropy,
            tenants: tenants.into_iter().map(|(id, tenant)| (id, Arc::new(tenant))).collect(),
            arbiters: Arbiters::start(settings.actor_threads),
            accounts: Registry::new("account", places.clone()),
            devices: Registry::new("device", places.clone()),
            challenges: Registry::new("challenge", places),
            room: Watch::new(settings.room_warn_bytes),
            outbox: Arc::default(),
            chores: Chores::default(),
            waiters: Places::new(settings.waiters_max),
            set_backs: OnceLock::new(),
            draining: false.into(),
            recovering: false.into(),
            recovered: 0.into(),
        };
        let engine = Self { shared: Arc::new(shared) };
        engine.keep_house(settings);
        engine.tell_events();
        engine
    }

    /// The secret that signs a tenant's tokens, made when the tenant is first seen.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer.
    pub async fn token_secret(&self, tenant: &TenantId) -> Result<[u8; 32], Error> {
        let fresh = self.shared.entropy.bytes();
        Ok(self.shared.store.token_secret(tenant, fresh).await?)
    }

    /// The clock that everything here goes by.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.shared.clock
    }

    /// The starts so far by a clock that was behind, this one included; known once
    /// [`Engine::recover`] has begun.
    #[must_use]
    pub fn set_backs(&self) -> SetBacks {
        self.shared.set_backs.get().cloned().unwrap_or_default()
    }

    /// A recorded time that is not later than now: one that is was recorded by an earlier process
    /// whose clock was ahead.
    #[must_use]
    pub fn dated(&self, at: UnixMillis) -> UnixMillis {
        let now = self.shared.clock.now();
        if at <= now {
            return at;
        }
        self.set_backs().dated(at, 0).min(now)
    }

    /// The random source that everything here draws from.
    #[must_use]
    pub fn entropy(&self) -> &Arc<dyn Entropy> {
        &self.shared.entropy
    }

    /// Tells whether requests can be answered.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store cannot record, or the engine is being stopped.
    pub fn ready(&self) -> Result<(), Error> {
        if self.shared.is_draining() {
            return Err(Unavailable::Stopping.into());
        }
        if self.shared.recovering.load(Ordering::Acquire) {
            let ended = self.shared.recovered.load(Ordering::Relaxed);
            return Err(Unavailable::Recovering { ended }.into());
        }
        Ok(self.shared.store.ready().map_err(|e| Unavailable::StoreUnready(e.to_string()))?)
    }

    /// Answers that are not recorded yet; none unless the store may lag.
    #[must_use]
    pub fn unwritten(&self) -> Unwritten {
        self.shared.store.unwritten()
    }

    /// Resolves when the store can record nothing any more. The process has to end then, because
    /// only a new one learns the recorded state.
    pub async fn broken(&self) -> StoreError {
        self.shared.store.broken().await
    }

    /// Number of actors in memory.
    #[must_use]
    pub fn actors(&self) -> usize {
        let shared = &self.shared;
        shared.accounts.len() + shared.devices.len() + shared.challenges.len()
    }

    /// Answers every waiting poll as if its time was over, and lets none wait from here on.
    pub fn drain(&self) {
        self.shared.draining.store(true, Ordering::Release);
        self.shared.challenges.tell_all(|| Drain);
        self.shared.devices.tell_all(|| Drain);
    }

    /// Drains, has everything recorded and stops.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store could not record the queued units.
    pub async fn close(&self) -> Result<(), Error> {
        self.drain();
        futures_util::future::join(self.shared.outbox.closed(), self.shared.chores.ended()).await;
        // The next start has to notice a clock that was set back while no server ran. Closing
        // reports a failure of this write too.
        let _ = self.shared.store.observe(self.shared.clock.now()).await;
        let closed = self.shared.store.close().await;
        self.shared.arbiters.stop();
        Ok(closed?)
    }
}
