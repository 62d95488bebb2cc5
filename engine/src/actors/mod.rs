//! The actors: one for each active account, credential and challenge. They hold the core's state in
//! memory, run its transitions one at a time and hold the waiting polls. The core makes all
//! decisions.
//!
//! Actors wait in one direction only, so that no deadlock is possible: the actors of challenges and
//! credentials wait for the actor of an account, and that actor waits for the store. No actor waits
//! for the actor of a challenge or a credential. An account's actor sends notices to them, and does
//! not wait for an answer.

mod account;
pub(crate) mod challenge;
pub(crate) mod credential;
mod directory;
pub(crate) mod threads;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use countersign_core::id::{AccountKey, ChallengeId, CredentialKey};
use countersign_core::set_backs::SetBacks;
use tokio::sync::oneshot;

use self::account::AccountActor;
use self::challenge::ChallengeActor;
use self::credential::CredentialActor;
use self::threads::ActorThreads;
use crate::error::Error;
use crate::outbox::Outbox;
use crate::permits::Permits;
use crate::ports::Ports;
use crate::registry::Registry;
use crate::tenant::Tenants;

/// Key of a challenge in its registry.
pub(crate) type ChallengeKey = (AccountKey, ChallengeId);

/// State that all actors and the facade share.
pub(crate) struct Shared {
    pub(crate) ports: Arc<Ports>,
    pub(crate) tenants: Arc<Tenants>,
    pub(crate) threads: ActorThreads,
    pub(crate) accounts: Registry<AccountKey, AccountActor>,
    pub(crate) challenges: Registry<ChallengeKey, ChallengeActor>,
    pub(crate) credentials: Registry<CredentialKey, CredentialActor>,
    pub(crate) outbox: Arc<Outbox>,
    /// Server starts at which the clock was behind the times in the store. Unset until the recovery
    /// has read them.
    pub(crate) set_backs: OnceLock<SetBacks>,
    /// True once the server is shutting down: no poll may wait any more.
    draining: AtomicBool,
}

impl Shared {
    /// Makes the state without any actor. `activations_max` limits the actors of all three kinds
    /// together.
    pub(crate) fn new(
        ports: Ports,
        tenants: Tenants,
        threads: ActorThreads,
        activations_max: usize,
    ) -> Self {
        let (ports, tenants) = (Arc::new(ports), Arc::new(tenants));
        let permits = Permits::new(activations_max);
        Self {
            outbox: Arc::new(Outbox::new(ports.clone(), tenants.clone())),
            ports,
            tenants,
            threads,
            accounts: Registry::new("account", permits.clone()),
            challenges: Registry::new("challenge", permits.clone()),
            credentials: Registry::new("device", permits),
            set_backs: OnceLock::new(),
            draining: false.into(),
        }
    }

    /// Returns the set-backs of the clock; none before the recovery has read them.
    pub(crate) fn set_backs(&self) -> SetBacks {
        self.set_backs.get().cloned().unwrap_or_default()
    }

    /// Ends the wait of every poll, as at its timeout, and allows no further wait. It also stops
    /// the outbox.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Release);
        self.outbox.stop();
        self.challenges.tell_all(|| Drain);
        self.credentials.tell_all(|| Drain);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }
}

/// Channel for the answer of an actor.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, Error>>;

/// Message: end the wait of every poll, as at its timeout.
#[derive(actix::Message)]
#[rtype(result = "()")]
pub(crate) struct Drain;

/// Message: a commit's result is unknown, so the actor has to read the recorded state from the
/// store.
#[derive(actix::Message)]
#[rtype(result = "()")]
pub(crate) struct Doubt;

/// Pause before an actor repeats a failed read, or an expiry that has not taken effect.
const RETRY: Duration = Duration::from_secs(1);

/// Removes an actor from its registry when it stops, also after a panic. It does nothing else,
/// because a second panic would end the process.
macro_rules! stops_cleanly {
    ($registry:ident) => {
        fn stopped(&mut self, ctx: &mut Self::Context) {
            self.shared.$registry.stopped(&self.key, &actix::AsyncContext::address(ctx));
        }
    };
}
pub(crate) use stops_cleanly;
