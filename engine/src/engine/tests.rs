//! Tests of the facade: the number of messages that a call sends to an account's actor.

use std::collections::HashMap;
use std::sync::Arc;

use countersign_core::account::{Grant, ProfilePatch, Track};
use countersign_core::action::ActionContext;
use countersign_core::challenge::Ended;
use countersign_core::id::{
    AccountKey, ActionCode, ActionKey, ChallengeId, IdempotencyKey, TenantId, UserId,
};
use countersign_core::outcome::Outcome;
use countersign_core::policy::{Limits, Unenrolled};
use countersign_core::time::UnixMillis;

use super::*;
use crate::store::MemoryStore;
use crate::system::{SystemClock, SystemEntropy};

fn engine(tenant: TenantId) -> Engine {
    let ports = Ports {
        store: Arc::new(MemoryStore::default()),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
    };
    let (limits, unenrolled) = (Limits::default(), Unenrolled::Allow);
    let settings = Tenant { limits, unenrolled, custom_public: Vec::new(), delivery: None };
    Engine::start(&EngineSettings::default(), ports, HashMap::from([(tenant, settings)]))
}

#[test]
fn a_poll_with_its_token_and_a_list_of_authenticators_visit_the_account_once() {
    actix::System::new().block_on(async {
        let tenant = TenantId::parse("shop").unwrap();
        let engine = engine(tenant.clone());
        let account = AccountKey { tenant, user: UserId::parse("ann").unwrap() };
        let key = ActionKey {
            code: ActionCode::parse("signIn").unwrap(),
            idempotency_key: IdempotencyKey::parse("one").unwrap(),
        };
        let (context, profile) = (ActionContext::default(), ProfilePatch::default());
        engine.track(&account, Track { key: key.clone(), context, profile }).await.unwrap();
        let issued_at = UnixMillis(u64::MAX);
        let grant = Grant { action: key.clone(), issued_at, is_verified: false, born: None };
        let visits = || engine.shared.accounts.sent(&account);
        assert_eq!(visits(), 1, "tracking");

        engine.authenticators(&account, grant.clone()).await.unwrap();
        assert_eq!(visits(), 2);

        let id = ChallengeId::from_entropy(&[1; 24]);
        engine.await_outcome(&account, &key, &id, 0).await.unwrap_err();
        let ended = Ended::without_device(Outcome::Approved, UnixMillis(0));
        engine.approval_stands(&account, grant, ended).await.unwrap();
        assert_eq!(visits(), 3);
    });
}
