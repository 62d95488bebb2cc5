//! Tests of a whole sign-in over each store, from the first tracked action to the removal of the
//! phone.

use std::sync::Arc;

use countersign_core::action::ActionState;
use countersign_core::outcome::Decision;
use countersign_core::outcome::Outcome;
use countersign_core::policy::Limits;
use countersign_core::refusal::Refusal;
use countersign_engine::ports::Store;
use countersign_engine::store::{MemoryStore, SqliteStore};
use countersign_engine::{Error, Misbehaviour, Reader, RemovalProof};

use crate::support::{House, Phone, WAIT_MS, account, action, grant, soon};

async fn a_whole_sign_in(store: Arc<dyn Store>) {
    let house = House::over(store, Limits::default(), None);
    let (alice, phone) = (account("alice"), Phone::new(1));
    let sign_in = action("signIn", "s-1");

    let tracked = house.track(&alice, &sign_in).await.unwrap();
    assert_eq!((tracked.action.state, tracked.is_enrolled), (ActionState::Allow, false));
    let device = house.enroll(&alice, &phone).await.unwrap();
    let nothing = house.engine.pending(&phone.credential(), Reader::Stranger, 0).await.unwrap();
    assert!(nothing.offers.is_empty());

    let challenge = house.challenge(&alice).await.unwrap();
    let shown = house.engine.pending(&phone.credential(), Reader::Stranger, WAIT_MS).await.unwrap();
    assert_eq!(shown.offers[0].1.challenge.id, challenge.id);
    let waiter = house.waiter(&challenge).await;
    let ended = house.decide(&phone, &challenge, Decision::Approve).await.unwrap();
    assert_eq!((ended.outcome, ended.by), (Outcome::Approved, Some(device.id.clone())));
    assert_eq!(waiter.await, Some(Outcome::Approved));

    let recorded = house.engine.action(&alice, sign_in.clone()).await.unwrap();
    assert_eq!(recorded.state, ActionState::ChallengeSucceeded);
    assert_eq!(recorded.decided_by.as_ref(), Some(&device.id));
    let again = house.decide(&phone, &challenge, Decision::Approve).await.unwrap();
    assert_eq!(again.outcome, Outcome::Approved);
    let other = house.decide(&phone, &challenge, Decision::Deny).await;
    assert_eq!(other, Err(Error::Refused(Refusal::ChallengeEnded)));
    let ended = house.engine.start_challenge(&alice, grant(sign_in), None, true).await;
    assert_eq!(ended.unwrap_err(), Error::Refused(Refusal::ActionEnded));

    let good_bye = phone.good_bye(house.now());
    let by = RemovalProof::Official(good_bye);
    let removed = house.engine.remove_credential(&phone.credential(), by).await.unwrap();
    assert_eq!(removed, device.id);
    let gone = house.engine.credential(&phone.credential(), None).await;
    assert_eq!(gone, Err(Error::Misbehaved(Misbehaviour::UnknownCredential)));
    assert!(house.engine.user(&alice).await.unwrap().devices.is_empty());
    house.assert_single_outcomes();
    soon(house.engine.close()).await.unwrap();
}

#[actix::test]
async fn a_sign_in_is_approved_over_memory() {
    a_whole_sign_in(Arc::new(MemoryStore::default())).await;
}

#[actix::test]
async fn a_sign_in_is_approved_over_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    a_whole_sign_in(Arc::new(SqliteStore::open(&folder.path().join("store")).unwrap())).await;
}

#[actix::test]
async fn after_a_denial_the_same_action_may_be_challenged_again() {
    let house = House::open();
    let (alice, phone, challenge) = house.asked().await;
    let ended = house.decide(&phone, &challenge, Decision::Deny).await.unwrap();
    assert_eq!(ended.outcome, Outcome::Denied);
    let recorded = house.engine.action(&alice, challenge.action.clone()).await.unwrap();
    assert_eq!(recorded.state, ActionState::ChallengeFailed);
    house.clock.pass(Limits::default().denial_wait_ms);
    let second = house.challenge(&alice).await.unwrap();
    let ended = house.decide(&phone, &second, Decision::Approve).await.unwrap();
    assert_eq!(ended.outcome, Outcome::Approved);
    assert_eq!(house.outcome(&challenge).await, Some(Outcome::Denied));
}
