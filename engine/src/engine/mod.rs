//! The facade: everything that a route can do is a method here.

mod clock_gap;
pub(crate) mod device;
pub(crate) mod free_room;
mod housekeeping;
pub(crate) mod initiator;
pub(crate) mod operator;
mod recovery;
pub(crate) mod relying_party;
mod rounds;
mod set_backs;

use std::collections::HashMap;
use std::sync::Arc;

use countersign_core::id::TenantId;
use countersign_core::set_backs::SetBacks;
use countersign_core::time::UnixMillis;
use tokio::sync::watch;

use self::free_room::{FreeRoom, FreeRoomWatch};
use self::rounds::Rounds;
use crate::actors::Shared;
use crate::actors::threads::ActorThreads;
use crate::error::{Error, Unavailable};
use crate::permits::{Permit, Permits};
use crate::ports::store::{StoreError, Unwritten};
use crate::ports::{Clock, Entropy, Ports};
use crate::tenant::{Tenant, Tenants};
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

const DAY_MS: u64 = 24 * 3600 * 1000;

impl EngineSettings {
    /// The sizes of a server that configures none.
    pub const DEFAULT: Self = Self {
        actor_threads: 0,
        verifier_threads: 0,
        verify_queue_max: 4096,
        activations_max: 500_000,
        waiters_max: 100_000,
        action_retention_ms: 30 * DAY_MS,
        challenge_retention_ms: DAY_MS,
        room_warn_bytes: 256 << 20,
    };
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The facade over actors, store and verifier. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
    verifier: Arc<Verifier>,
    /// Polls that wait.
    waiters: Permits,
    free_room: Arc<FreeRoomWatch>,
    rounds: Arc<Rounds>,
    /// Challenges that the recovery has ended; `None` while there is no recovery.
    recovering: Arc<watch::Sender<Option<u64>>>,
}

impl Engine {
    /// Starts the engine. It needs a running actix system.
    #[must_use]
    pub fn start(
        settings: &EngineSettings,
        ports: Ports,
        tenants: HashMap<TenantId, Tenant>,
    ) -> Self {
        let (threads, queue_max) = (settings.verifier_threads, settings.verify_queue_max);
        let verifier = Arc::new(Verifier::start(threads, queue_max, ports.entropy.clone()));
        let threads = ActorThreads::start(settings.actor_threads);
        let shared = Shared::new(ports, Tenants::new(tenants), threads, settings.activations_max);
        let engine = Self {
            shared: Arc::new(shared),
            verifier,
            waiters: Permits::new(settings.waiters_max),
            free_room: Arc::new(FreeRoomWatch::new(settings.room_warn_bytes)),
            rounds: Arc::default(),
            recovering: Arc::default(),
        };
        engine.keep_house(settings);
        engine.shared.threads.spawn(engine.shared.outbox.run());
        engine
    }

    /// The secret that signs a tenant's tokens, made when the tenant is first seen.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer.
    pub async fn token_secret(&self, tenant: &TenantId) -> Result<[u8; 32], Error> {
        let fresh = self.shared.ports.entropy.bytes();
        Ok(self.shared.ports.store.token_secret(tenant, fresh).await?)
    }

    /// The clock that everything here goes by.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.shared.ports.clock
    }

    /// The starts so far by a clock that was behind, this one included; known once
    /// [`Engine::recover`] has begun.
    #[must_use]
    pub fn set_backs(&self) -> SetBacks {
        self.shared.set_backs()
    }

    /// A recorded time that is not later than now: one that is was recorded by an earlier process
    /// whose clock was ahead.
    #[must_use]
    pub fn dated(&self, at: UnixMillis) -> UnixMillis {
        let now = self.shared.ports.clock.now();
        if at <= now {
            return at;
        }
        self.set_backs().dated(at, 0).min(now)
    }

    /// The random source that everything here draws from.
    #[must_use]
    pub fn entropy(&self) -> &Arc<dyn Entropy> {
        &self.shared.ports.entropy
    }

    /// Tells whether requests can be answered.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store cannot record, or the engine is being stopped.
    pub fn ready(&self) -> Result<(), Error> {
        if self.shared.is_draining() {
            return Err(Unavailable::Stopping.into());
        }
        if let Some(ended) = *self.recovering.borrow() {
            return Err(Unavailable::Recovering { ended }.into());
        }
        Ok(self.shared.ports.store.ready().map_err(Unavailable::StoreUnready)?)
    }

    /// Answers that are not recorded yet; none unless the store may lag.
    #[must_use]
    pub fn unwritten(&self) -> Unwritten {
        self.shared.ports.store.unwritten()
    }

    /// Number of calls that met a stored row which cannot be read, since the start.
    #[must_use]
    pub fn unreadable(&self) -> u64 {
        self.shared.ports.store.unreadable()
    }

    /// Resolves when the store can record nothing any more. The process has to end then, because
    /// only a new one learns the recorded state.
    pub async fn broken(&self) -> StoreError {
        self.shared.ports.store.broken().await
    }

    /// Number of actors in memory.
    #[must_use]
    pub fn actors(&self) -> usize {
        let shared = &self.shared;
        shared.accounts.len() + shared.challenges.len() + shared.credentials.len()
    }

    /// Answers every waiting poll as if its time was over, and lets none wait from here on.
    pub fn drain(&self) {
        self.shared.drain();
    }

    /// The room that was left to the store when it was last looked at.
    #[must_use]
    pub fn free_room(&self) -> FreeRoom {
        self.free_room.known()
    }

    /// A place for a poll that wants to wait, to be kept as long as it does.
    fn permit_to_wait(&self, wait_ms: u64) -> Option<Permit> {
        (wait_ms > 0).then(|| self.waiters.take()).flatten()
    }

    /// Drains, has everything recorded and stops.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store could not record the queued units.
    pub async fn close(&self) -> Result<(), Error> {
        self.drain();
        futures_util::future::join(self.shared.outbox.closed(), self.rounds.ended()).await;
        // The next start has to notice a clock that was set back while no server ran. Closing
        // reports a failure of this write too.
        let _ = self.shared.ports.store.observe(self.shared.ports.clock.now()).await;
        let closed = self.shared.ports.store.close().await;
        self.shared.threads.stop();
        Ok(closed?)
    }
}

#[cfg(test)]
mod tests;
