//! Parts that the lifecycle tests share: an engine with a manual clock and a store that fails on
//! command.

mod ports;
mod store;

pub(crate) use countersign_testkit::phone::Phone;
pub(crate) use countersign_testkit::sample::{account, action_key as action};
pub(crate) use ports::{
    ConnectsLate, CountsDeliveries, NeverDelivers, OutOfReach, Refuses, RefusesDelivery,
};
pub(crate) use store::{Fault, FaultyStore, Which, gate};

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use countersign_core::account::{Enroll, Grant, ProfilePatch, Track, Tracked};
use countersign_core::action::ActionContext;
use countersign_core::challenge::{Challenge, Ended};
use countersign_core::decision::SignedDecision;
use countersign_core::device::{Device, Signing};
use countersign_core::id::{AccountKey, ActionKey, AuthenticatorId};
use countersign_core::outcome::Decision;
use countersign_core::outcome::Outcome;
use countersign_core::policy::{Limits, Unenrolled};
use countersign_core::statement::{Digest, Statement};
use countersign_core::time::UnixMillis;
use countersign_engine::ports::{Clock as _, Delivery, Store};
use countersign_engine::store::MemoryStore;
use countersign_engine::{
    Engine, EngineSettings, EnrollmentProof, Error, Pending, Ports, Reader, Tenant, Verdict,
};
use countersign_testkit::clock::ManualClock;
use countersign_testkit::random::Seeded;
use countersign_testkit::sample;

/// Start time of the clock.
const NOW: UnixMillis = UnixMillis(1_735_689_600_123);
/// Milliseconds for which a poll may wait. It is longer than [`soon`] waits, so that a late answer
/// fails the test.
pub(crate) const WAIT_MS: u64 = 30_000;

/// An engine with its clock and its store.
pub(crate) struct House {
    pub(crate) engine: Engine,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Arc<FaultyStore>,
}

/// Makes a grant for an action's token that no later event has invalidated.
pub(crate) fn grant(action: ActionKey) -> Grant {
    Grant { action, issued_at: UnixMillis(u64::MAX), is_verified: false, born: None }
}

impl House {
    /// Starts an engine with the default limits, over memory.
    pub(crate) fn open() -> Self {
        Self::with(Limits::default())
    }

    pub(crate) fn with(limits: Limits) -> Self {
        Self::over(Arc::new(MemoryStore::default()), limits, None)
    }

    /// Starts an engine whose challenges live for milliseconds, because the timers of actors use
    /// real time.
    pub(crate) fn hasty() -> Self {
        let (challenge_lifetime_ms, decision_grace_ms) = (20, 5);
        Self::with(Limits { challenge_lifetime_ms, decision_grace_ms, ..Limits::default() })
    }

    pub(crate) fn over(
        store: Arc<dyn Store>,
        limits: Limits,
        delivery: Option<Arc<dyn Delivery>>,
    ) -> Self {
        let clock = ManualClock::at(NOW);
        Self::start(Arc::new(FaultyStore::over(store)), clock, limits, delivery)
    }

    /// Starts another engine over the same store, `ms` later, as after a crash. It has its own
    /// clock; the clock of the crashed engine does not move any more.
    pub(crate) fn again_after(&self, ms: u64) -> Self {
        self.again_with(ms, None)
    }

    /// Starts another engine over the same store, `ms` later, with these limits.
    pub(crate) fn again_within(&self, ms: u64, limits: Limits) -> Self {
        let clock = ManualClock::at(self.now().plus_ms(ms));
        Self::start(self.store.clone(), clock, limits, None)
    }

    /// Starts another engine over the same store, `ms` later, with this delivery.
    pub(crate) fn again_with(&self, ms: u64, delivery: Option<Arc<dyn Delivery>>) -> Self {
        let clock = ManualClock::at(self.now().plus_ms(ms));
        Self::start(self.store.clone(), clock, Limits::default(), delivery)
    }

    fn start(
        store: Arc<FaultyStore>,
        clock: Arc<ManualClock>,
        limits: Limits,
        delivery: Option<Arc<dyn Delivery>>,
    ) -> Self {
        let entropy = Arc::new(Seeded::new((store.seed() << 48) ^ clock.now().0));
        let ports = Ports { store: store.clone(), clock: clock.clone(), entropy };
        let custom_public = vec!["amount".to_owned()];
        let tenant = Tenant { limits, unenrolled: Unenrolled::Allow, custom_public, delivery };
        let tenants = HashMap::from([(sample::tenant(), tenant)]);
        let settings =
            EngineSettings { actor_threads: 2, verifier_threads: 1, ..EngineSettings::default() };
        Self { engine: Engine::start(&settings, ports, tenants), clock, store }
    }

    pub(crate) fn now(&self) -> UnixMillis {
        self.clock.now()
    }

    pub(crate) async fn track(
        &self,
        account: &AccountKey,
        key: &ActionKey,
    ) -> Result<Tracked, Error> {
        let track = Track {
            key: key.clone(),
            context: ActionContext::default(),
            profile: ProfilePatch::default(),
        };
        self.engine.track(account, track).await
    }

    pub(crate) async fn enroll(
        &self,
        account: &AccountKey,
        phone: &Phone,
    ) -> Result<Arc<Device>, Error> {
        let key = action("enroll", "e-1");
        self.track(account, &key).await?;
        let enroll = Enroll::official(phone.public.clone(), true);
        Ok(self.engine.enroll(account, grant(key), enroll, None).await?.device)
    }

    /// Enrolls a phone that signs statements, with a proof of its key.
    pub(crate) async fn enroll_proven(
        &self,
        account: &AccountKey,
        phone: &Phone,
    ) -> Result<Arc<Device>, Error> {
        let key = action("enroll", "e-1");
        self.track(account, &key).await?;
        let signing = Signing::StatementV1;
        let enroll = Enroll { signing, ..Enroll::official(phone.public.clone(), true) };
        let token = Digest::of("token");
        let (tenant, thumbprint) = (sample::tenant(), phone.public.thumbprint());
        let statement = Statement::Enroll { tenant: &tenant, key: thumbprint, token };
        let proof = EnrollmentProof { signature: phone.sign_statement(&statement), token };
        Ok(self.engine.enroll(account, grant(key), enroll, Some(proof)).await?.device)
    }

    /// Begins a device session. Returns the authenticator that it belongs to.
    pub(crate) async fn session(&self, phone: &Phone) -> Result<AuthenticatorId, Error> {
        let key = phone.credential();
        let nonce = self.engine.nonce(&key, Signing::StatementV1).await?.nonce;
        let (tenant, key_print) = (&key.tenant, key.thumbprint);
        let statement = Statement::Session { tenant, key: key_print, nonce: &nonce };
        let signature = phone.sign_statement(&statement);
        self.engine.open_session(&key, nonce, signature).await
    }

    /// Reads a phone's pending challenges with a device session.
    pub(crate) async fn read(&self, phone: &Phone) -> Result<Pending, Error> {
        let session = Reader::Session(self.session(phone).await?);
        self.engine.pending(&phone.credential(), session, 0).await
    }

    /// Tracks a sign-in, and starts a challenge for it.
    pub(crate) async fn challenge(&self, account: &AccountKey) -> Result<Arc<Challenge>, Error> {
        self.challenge_for(account, action("signIn", "s-1")).await
    }

    /// Tracks an action, and starts a challenge for it.
    pub(crate) async fn challenge_for(
        &self,
        account: &AccountKey,
        key: ActionKey,
    ) -> Result<Arc<Challenge>, Error> {
        self.track(account, &key).await?;
        let started = self.engine.start_challenge(account, grant(key), None, true).await?;
        Ok(started.challenge)
    }

    /// Enrolls a phone for a user, and starts a challenge for it.
    pub(crate) async fn asked(&self) -> (AccountKey, Phone, Arc<Challenge>) {
        let (account, phone) = (account("alice"), Phone::new(1));
        self.enroll(&account, &phone).await.unwrap();
        let challenge = self.challenge(&account).await.unwrap();
        (account, phone, challenge)
    }

    pub(crate) async fn decide(
        &self,
        phone: &Phone,
        challenge: &Challenge,
        decision: Decision,
    ) -> Result<Ended, Error> {
        self.send(phone, phone.answer(challenge, decision)).await
    }

    /// Approves a challenge with a number.
    pub(crate) async fn approve(
        &self,
        phone: &Phone,
        challenge: &Challenge,
        digits: &str,
    ) -> Result<Ended, Error> {
        self.send(phone, phone.typed(challenge, digits)).await
    }

    /// Sends a decision through this phone's credential. The decision may be signed by another key.
    pub(crate) async fn send(&self, phone: &Phone, signed: SignedDecision) -> Result<Ended, Error> {
        self.engine.decide(&phone.credential(), signed, self.now()).await
    }

    pub(crate) async fn poll(&self, challenge: &Challenge, wait_ms: u64) -> Result<Verdict, Error> {
        let Challenge { account, action, id, .. } = challenge;
        self.engine.await_outcome(account, action, id, wait_ms).await
    }

    /// Starts a long poll, and returns once the poll waits.
    pub(crate) async fn waiter(
        &self,
        challenge: &Challenge,
    ) -> impl Future<Output = Option<Outcome>> + use<> {
        let (engine, challenge) = (self.engine.clone(), challenge.clone());
        let mut polling = Box::pin(async move {
            let Challenge { account, action, id, .. } = &challenge;
            let verdict = engine.await_outcome(account, action, id, WAIT_MS).await.unwrap();
            assert!(!verdict.crowded, "the poll was not allowed to wait");
            verdict.ended().map(|e| e.outcome)
        });
        // The first poll puts the request into the actor's mailbox, before any later message.
        let first = poll_fn(|cx| Poll::Ready(polling.as_mut().poll(cx))).await;
        assert!(first.is_pending(), "answered at once: {first:?}");
        async move { soon(polling).await }
    }

    /// Returns the outcome of a challenge without waiting; none while it is open.
    pub(crate) async fn outcome(&self, challenge: &Challenge) -> Option<Outcome> {
        self.poll(challenge, 0).await.unwrap().ended().map(|e| e.outcome)
    }

    /// Checks that no challenge has more than one recorded end.
    pub(crate) fn assert_single_outcomes(&self) {
        for (id, ends) in self.store.journal() {
            assert_eq!(ends.len(), 1, "challenge {id} ended {ends:?}");
        }
    }
}

/// Waits for a future, and panics after 10 seconds.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), future).await.expect("answered soon")
}
