//! An engine with enrolled users, for benchmarks without HTTP.

use std::collections::HashMap;
use std::sync::Arc;

use countersign_client::SoftwareKey;
use countersign_core::account::{Enroll, Grant, ProfilePatch, Track};
use countersign_core::action::{ActionContext, ActionState};
use countersign_core::decision::SignedDecision;
use countersign_core::device::Signing;
use countersign_core::id::{
    AccountKey, ActionCode, ActionKey, ChallengeId, CredentialKey, IdempotencyKey, TenantId, UserId,
};
use countersign_core::nonce::Purpose;
use countersign_core::outcome::Decision;
use countersign_core::policy::{Limits, Unenrolled};
use countersign_core::signature::{Algorithm, PublicKey};
use countersign_core::time::UnixMillis;
use countersign_engine::ports::{Clock as _, Entropy, Store};
use countersign_engine::system::{SystemClock, SystemEntropy};
use countersign_engine::{Engine, EngineSettings, Ports, Reader, Tenant};

/// Starts an engine with one tenant and the default settings. It needs a running actix system.
pub fn engine(store: Arc<dyn Store>) -> Engine {
    engine_with(store, &EngineSettings::default())
}

/// Starts an engine with one tenant and these settings. It needs a running actix system.
pub fn engine_with(store: Arc<dyn Store>, settings: &EngineSettings) -> Engine {
    let ports = Ports { store, clock: Arc::new(SystemClock), entropy: Arc::new(SystemEntropy) };
    let tenant = Tenant {
        limits: Limits::default(),
        unenrolled: Unenrolled::default(),
        custom_public: Vec::new(),
        delivery: None,
    };
    Engine::start(settings, ports, HashMap::from([(tenant_id(), tenant)]))
}

/// Returns the account key of the user with this id.
///
/// # Panics
/// If the id is invalid.
pub fn account(user: &str) -> AccountKey {
    AccountKey { tenant: tenant_id(), user: UserId::parse(user).expect("a user's name") }
}

/// Builds a request to track a new action of a user.
///
/// # Panics
/// If the operating system provides no random bytes.
pub fn fresh_action(user: &AccountKey) -> (AccountKey, Track) {
    let entropy: &dyn Entropy = &SystemEntropy;
    let key = ActionKey {
        code: ActionCode::parse("signIn").expect("a valid code"),
        idempotency_key: IdempotencyKey::from_entropy(entropy.bytes()),
    };
    let (context, profile) = (ActionContext::default(), ProfilePatch::default());
    (user.clone(), Track { key, context, profile })
}

fn tenant_id() -> TenantId {
    TenantId::parse("bench").expect("a valid name")
}

/// Builds the grant that a valid token of an action gives.
fn grant(action: ActionKey) -> Grant {
    Grant { action, issued_at: UnixMillis(u64::MAX), is_verified: false, born: None }
}

/// A user with an enrolled device.
pub struct Enrolled {
    engine: Engine,
    account: AccountKey,
    key: SoftwareKey,
    credential: CredentialKey,
}

impl Enrolled {
    /// Enrolls a user with a P-256 key.
    ///
    /// # Panics
    /// If the engine rejects a step.
    pub async fn new(engine: &Engine, user: &str) -> Self {
        let key = SoftwareKey::generate(Algorithm::Es256);
        let (account, track) = fresh_action(&account(user));
        let action = engine.track(&account, track).await.expect("tracked").action;
        let public = PublicKey::from_spki(Algorithm::Es256, key.spki()).expect("a good key");
        let enroll = Enroll::official(public, true);
        engine.enroll(&account, grant(action.key.clone()), enroll, None).await.expect("enrolled");
        let credential =
            CredentialKey { tenant: account.tenant.clone(), thumbprint: key.thumbprint() };
        Self { engine: engine.clone(), account, key, credential }
    }

    /// Sends a message to the account and to the device, so that both have an active actor.
    ///
    /// # Panics
    /// If the engine returns an error.
    pub async fn stir(&self) {
        self.engine.user(&self.account).await.expect("the account answers");
        let nonce = self.engine.nonce(&self.credential, Signing::ChallengeId).await;
        nonce.expect("the device answers");
    }

    /// Runs a whole lifecycle with its seven calls to the engine.
    ///
    /// # Panics
    /// If the lifecycle does not end with an approval.
    pub async fn lifecycle(&self) {
        let (action, id) = self.begin().await;
        self.approve(&id).await;
        assert!(self.outcome(&action, &id, 0).await);
        let action = self.engine.action(&self.account, action).await.expect("known");
        assert!(action.state == ActionState::ChallengeSucceeded);
    }

    /// Tracks an action and starts its challenge. Returns the keys of both.
    ///
    /// # Panics
    /// If the engine rejects a step.
    pub async fn begin(&self) -> (ActionKey, ChallengeId) {
        let (account, track) = fresh_action(&self.account);
        let action = self.engine.track(&account, track).await.expect("tracked").action.key.clone();
        let grant = grant(action.clone());
        let started = self.engine.start_challenge(&account, grant, None, true).await;
        (action, started.expect("started").challenge.id.clone())
    }

    /// Requests a nonce, reads the pending challenges with a signature, and approves the challenge
    /// `id`.
    ///
    /// # Panics
    /// If the engine rejects a step, or if the challenge is not pending.
    pub async fn approve(&self, id: &ChallengeId) {
        let engine = &self.engine;
        let nonce = engine.nonce(&self.credential, Signing::ChallengeId).await;
        let message = nonce.expect("a nonce").nonce.message(Purpose::Read);
        let reader = Reader::Signed(self.key.sign(message.as_bytes()));
        let read = engine.pending(&self.credential, reader, 0).await.expect("pending");
        assert!(read.signed && read.offers.iter().any(|(_, o)| o.challenge.id == *id));
        let signed = SignedDecision {
            signature: self.key.sign(id.as_str().as_bytes()),
            challenge: id.clone(),
            decision: Decision::Approve,
            number: None,
        };
        let ended = engine.decide(&self.credential, signed, SystemClock.now()).await;
        ended.expect("decided");
    }

    /// Waits for the end of a challenge, for at most `wait_ms` milliseconds. Returns true if the
    /// challenge has ended.
    ///
    /// # Panics
    /// If the engine does not know the challenge.
    pub async fn outcome(&self, action: &ActionKey, id: &ChallengeId, wait_ms: u64) -> bool {
        let verdict = self.engine.await_outcome(&self.account, action, id, wait_ms).await;
        verdict.expect("known").ended().is_some()
    }
}
