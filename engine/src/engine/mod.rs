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

/// Sizes and limits of the engine.
#[derive(Clone, Debug)]
pub struct EngineSettings {
    /// Number of threads that run actors. With 0, each actor runs on the event loop that activates
    /// it.
    pub actor_threads: usize,
    /// Number of threads that check signatures; 0 means one per core.
    pub verifier_threads: usize,
    /// Maximum number of signature checks that are queued or running.
    pub verify_queue_max: usize,
    /// Maximum number of actors in memory. A request that needs one more is refused.
    pub activations_max: usize,
    /// Maximum number of polls that wait at the same time. A further poll is answered at once, as
    /// at its timeout.
    pub waiters_max: usize,
    /// Retention of actions, in milliseconds.
    pub action_retention_ms: u64,
    /// Retention of ended challenges, in milliseconds. It is at most that of actions, because a
    /// challenge goes with its action.
    pub challenge_retention_ms: u64,
    /// Bytes of the store's free room below which the engine warns; 0 for no warning.
    pub room_warn_bytes: u64,
}

const DAY_MS: u64 = 24 * 3600 * 1000;

impl EngineSettings {
    /// Sizes and limits of a server that configures none.
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
    /// Permits for polls that wait.
    waiters: Permits,
    free_room: Arc<FreeRoomWatch>,
    rounds: Arc<Rounds>,
    /// Number of challenges that the running recovery has ended; `None` if no recovery runs.
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

    /// Returns the secret that signs a tenant's tokens. It is made when the tenant is first seen.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer.
    pub async fn token_secret(&self, tenant: &TenantId) -> Result<[u8; 32], Error> {
        let fresh = self.shared.ports.entropy.bytes();
        Ok(self.shared.ports.store.token_secret(tenant, fresh).await?)
    }

    /// Returns the clock that the engine uses for everything.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.shared.ports.clock
    }

    /// Returns the server starts at which the clock was behind the times in the store, including
    /// this start if it was one. It returns none before [`Engine::recover`] has read them.
    #[must_use]
    pub fn set_backs(&self) -> SetBacks {
        self.shared.set_backs()
    }

    /// Returns a recorded time, corrected if it is later than now. Such a time was recorded by an
    /// earlier process whose clock was ahead. The result is never later than now.
    #[must_use]
    pub fn dated(&self, at: UnixMillis) -> UnixMillis {
        let now = self.shared.ports.clock.now();
        if at <= now {
            return at;
        }
        self.set_backs().dated(at, 0).min(now)
    }

    /// Returns the random source that the engine uses for everything.
    #[must_use]
    pub fn entropy(&self) -> &Arc<dyn Entropy> {
        &self.shared.ports.entropy
    }

    /// Checks that requests can be answered.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store cannot record, a recovery is running, or the engine is
    /// being stopped.
    pub fn ready(&self) -> Result<(), Error> {
        if self.shared.is_draining() {
            return Err(Unavailable::Stopping.into());
        }
        if let Some(ended) = *self.recovering.borrow() {
            return Err(Unavailable::Recovering { ended }.into());
        }
        Ok(self.shared.ports.store.ready().map_err(Unavailable::StoreUnready)?)
    }

    /// Returns the number and the age of commits that were answered and are not recorded yet. There
    /// are none if the store always records before it answers.
    #[must_use]
    pub fn unwritten(&self) -> Unwritten {
        self.shared.ports.store.unwritten()
    }

    /// Returns the number of calls, since the start, that met a stored row which cannot be read.
    #[must_use]
    pub fn unreadable(&self) -> u64 {
        self.shared.ports.store.unreadable()
    }

    /// Resolves when the store can no longer record anything. Then the process has to end, because
    /// only a new process can find out the recorded state.
    pub async fn broken(&self) -> StoreError {
        self.shared.ports.store.broken().await
    }

    /// Returns the number of actors in memory.
    #[must_use]
    pub fn actors(&self) -> usize {
        let shared = &self.shared;
        shared.accounts.len() + shared.challenges.len() + shared.credentials.len()
    }

    /// Ends the wait of every poll, as at its timeout, and allows no further wait. It also stops
    /// calls about events.
    pub fn drain(&self) {
        self.shared.drain();
    }

    /// Returns the free room of the store at the last measurement.
    #[must_use]
    pub fn free_room(&self) -> FreeRoom {
        self.free_room.known()
    }

    /// Returns a permit for a poll that wants to wait, which holds the permit while it waits.
    /// Returns `None` if the poll does not want to wait, or if too many polls wait.
    fn permit_to_wait(&self, wait_ms: u64) -> Option<Permit> {
        (wait_ms > 0).then(|| self.waiters.take()).flatten()
    }

    /// Drains the engine, waits for calls and rounds under way, has the store record all queued
    /// commits, and stops the threads.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store could not record the queued commits.
    pub async fn close(&self) -> Result<(), Error> {
        self.drain();
        futures_util::future::join(self.shared.outbox.closed(), self.rounds.ended()).await;
        // The current time is recorded, because the next start has to notice a clock that was set
        // back while no server ran. An error is ignored here, because closing the store reports it
        // too.
        let _ = self.shared.ports.store.observe(self.shared.ports.clock.now()).await;
        let closed = self.shared.ports.store.close().await;
        self.shared.threads.stop();
        Ok(closed?)
    }
}

#[cfg(test)]
mod tests;
