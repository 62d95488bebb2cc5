//! The actors: one per active account, credential and challenge. They own the core's state,
//! serialise its transitions and hold the waiters. They decide nothing by themselves.
//!
//! Waiting goes one way: a challenge and a credential wait for an account, an account for the
//! store, and nobody for a challenge or a credential. Notices go the other way without waiting.

mod account;
pub(crate) mod challenge;
pub(crate) mod credential;
mod directory;
pub(crate) mod threads;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use countersign_core::id::{AccountKey, ChallengeId, CredentialKey, TenantId};
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

/// A challenge's name in its registry.
pub(crate) type ChallengeKey = (TenantId, ChallengeId);

/// State that all actors and the facade share.
pub(crate) struct Shared {
    pub(crate) ports: Arc<Ports>,
    pub(crate) tenants: Arc<Tenants>,
    pub(crate) threads: ActorThreads,
    pub(crate) accounts: Registry<AccountKey, AccountActor>,
    pub(crate) challenges: Registry<ChallengeKey, ChallengeActor>,
    pub(crate) credentials: Registry<CredentialKey, CredentialActor>,
    pub(crate) outbox: Arc<Outbox>,
    /// Starts by a clock that was behind the times in the store, once they were looked up.
    pub(crate) set_backs: OnceLock<SetBacks>,
    /// No poll may wait any more.
    draining: AtomicBool,
}

impl Shared {
    /// Starts without any actor. All kinds share `activations_max`.
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

    /// The set-backs of the clock, none before they were looked up.
    pub(crate) fn set_backs(&self) -> SetBacks {
        self.set_backs.get().cloned().unwrap_or_default()
    }

    /// Answers every waiting poll as if its time was over, and lets none wait from here on.
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

/// Channel of an answer.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, Error>>;

/// Stop waiting: every waiter is answered as if its time was over.
#[derive(actix::Message)]
#[rtype(result = "()")]
pub(crate) struct Drain;

/// A change was asked for of which it is not known whether it is recorded: the store is to be
/// looked at.
#[derive(actix::Message)]
#[rtype(result = "()")]
pub(crate) struct Doubt;

/// Time until a store that did not answer is asked again.
const RETRY: Duration = Duration::from_secs(1);

/// Takes an actor out of its registry when it stops, be it by a panic. It does nothing else: a
/// second panic would end the process.
macro_rules! stops_cleanly {
    ($registry:ident) => {
        fn stopped(&mut self, ctx: &mut Self::Context) {
            self.shared.$registry.stopped(&self.key, &actix::AsyncContext::address(ctx));
        }
    };
}
pub(crate) use stops_cleanly;
