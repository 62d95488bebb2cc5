//! An engine with a user, and its callers, for benchmarks without HTTP.

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

/// Starts an engine with one tenant. It needs a running actix system.
pub fn engine(store: Arc<dyn Store>) -> Engine {
    engine_with(store, &EngineSettings::default())
}

/// Makes an engine with other sizes.
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

/// The account of a user of that name.
///
/// # Panics
/// If the name is none.
pub fn account(user: &str) -> AccountKey {
    AccountKey { tenant: tenant_id(), user: UserId::parse(user).expect("a user's name") }
}

/// An action that has not been tracked before.
///
/// # Panics
/// If the operating system gives no random bytes.
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

/// The grant of a valid token of an action.
fn grant(action: ActionKey) -> Grant {
    Grant { action, issued_at: UnixMillis(u64::MAX), is_verified: false, born: None }
}

/// A user with a device.
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
    /// If the engine refuses it.
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

    /// Sends something to the account and to the device, so that both are active.
    ///
    /// # Panics
    /// If the engine does not answer.
    pub async fn stir(&self) {
        self.engine.user(&self.account).await.expect("the account answers");
        let nonce = self.engine.nonce(&self.credential, Signing::ChallengeId).await;
        nonce.expect("the device answers");
    }

    /// Makes the seven calls of a lifecycle.
    ///
    /// # Panics
    /// If it does not end in an approval.
    pub async fn lifecycle(&self) {
        let (action, id) = self.begin().await;
        self.approve(&id).await;
        assert!(self.outcome(&action, &id, 0).await);
        let action = self.engine.action(&self.account, action).await.expect("known");
        assert!(action.state == ActionState::ChallengeSucceeded);
    }

    /// Tracks an action and starts its challenge.
    ///
    /// # Panics
    /// If the engine refuses it.
    pub async fn begin(&self) -> (ActionKey, ChallengeId) {
        let (account, track) = fresh_action(&self.account);
        let action = self.engine.track(&account, track).await.expect("tracked").action.key.clone();
        let grant = grant(action.clone());
        let started = self.engine.start_challenge(&account, grant, None, true).await;
        (action, started.expect("started").challenge.id.clone())
    }

    /// Reads the pending challenge, and approves one.
    ///
    /// # Panics
    /// If the engine refuses it.
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

    /// Waits for the end of a challenge; false if there is none in time.
    ///
    /// # Panics
    /// If the engine does not know it.
    pub async fn outcome(&self, action: &ActionKey, id: &ChallengeId, wait_ms: u64) -> bool {
        let verdict = self.engine.await_outcome(&self.account, action, id, wait_ms).await;
        verdict.expect("known").ended().is_some()
    }
}
