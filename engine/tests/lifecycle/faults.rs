//! Tests of a store that loses, delays, repeats or refuses commits, and of panics during a call.

use std::sync::atomic::Ordering;

use countersign_core::outcome::Decision;
use countersign_core::outcome::Outcome;
use countersign_core::refusal::Refusal;
use countersign_engine::{Error, Misbehaviour};

use countersign_engine::Reader;
use countersign_engine::ports::Store as _;

use crate::support::{Fault, House, Phone, Which, account, action, gate, soon};

fn is_unavailable<T>(result: &Result<T, Error>) -> bool {
    matches!(result, Err(Error::Unavailable(_)))
}

#[actix::test]
async fn a_decision_whose_commit_was_lost_is_not_told_and_may_be_sent_again() {
    let house = House::open();
    let (_, phone, challenge) = house.asked().await;
    let waiter = house.waiter(&challenge).await;
    house.store.plan(Which::End, Fault::LostBefore);
    assert!(is_unavailable(&house.decide(&phone, &challenge, Decision::Approve).await));
    assert_eq!(house.store.recorded(&challenge).await, None);
    assert_eq!(house.outcome(&challenge).await, None);
    // Nothing was recorded, so the device may send a different decision.
    let ended = house.decide(&phone, &challenge, Decision::Deny).await.unwrap();
    assert_eq!(ended.outcome, Outcome::Denied);
    assert_eq!(waiter.await, Some(Outcome::Denied));
    house.assert_single_outcomes();
}

#[actix::test]
async fn after_a_lost_reply_the_recorded_outcome_wins() {
    let house = House::open();
    let (_, phone, challenge) = house.asked().await;
    house.store.plan(Which::End, Fault::LostAfter);
    assert!(is_unavailable(&house.decide(&phone, &challenge, Decision::Approve).await));
    let other = house.decide(&phone, &challenge, Decision::Deny).await;
    assert_eq!(other, Err(Error::Refused(Refusal::ChallengeEnded)));
    let again = house.decide(&phone, &challenge, Decision::Approve).await.unwrap();
    assert_eq!(Some(again), house.store.recorded(&challenge).await);
    assert_eq!(house.outcome(&challenge).await, Some(Outcome::Approved));
    house.assert_single_outcomes();
}

#[actix::test]
async fn after_a_lost_reply_waiters_are_told_although_nobody_asks_again() {
    let house = House::open();
    let (_, phone, challenge) = house.asked().await;
    let waiter = house.waiter(&challenge).await;
    house.store.plan(Which::End, Fault::LostAfter);
    assert!(is_unavailable(&house.decide(&phone, &challenge, Decision::Approve).await));
    assert_eq!(waiter.await, Some(Outcome::Approved));
}

#[actix::test]
async fn after_the_lost_reply_to_a_cancellation_waiters_are_told() {
    let house = House::open();
    let (alice, phone, challenge) = house.asked().await;
    let waiter = house.waiter(&challenge).await;
    house.store.plan(Which::End, Fault::LostAfter);
    let id = challenge.id.clone();
    assert!(is_unavailable(&house.engine.cancel(&alice, &challenge.action, id).await));
    assert!(house.decide(&phone, &challenge, Decision::Approve).await.is_err());
    assert_eq!(waiter.await, Some(Outcome::Cancelled));
}

#[actix::test]
async fn after_the_lost_reply_to_a_removal_the_credential_is_gone() {
    let house = House::open();
    let (alice, phone, challenge) = house.asked().await;
    let waiter = house.waiter(&challenge).await;
    house.store.plan(Which::Next, Fault::LostAfter);
    let target = challenge.targets[0].clone();
    assert!(is_unavailable(&house.engine.remove_authenticator(&alice, target).await));
    assert_eq!(waiter.await, Some(Outcome::Revoked));
    let gone = soon(house.engine.credential(&phone.credential(), None)).await;
    assert_eq!(gone, Err(Error::Misbehaved(Misbehaviour::UnknownCredential)));
}

#[actix::test]
async fn after_the_lost_reply_to_an_enrollment_the_credential_is_known() {
    let house = House::open();
    let (alice, phone) = (account("alice"), Phone::new(1));
    house.track(&alice, &action("enroll", "e-1")).await.unwrap();
    // The key is already enrolled for another user, so its actor is loaded and does not read the
    // store again.
    house.enroll(&account("bob"), &phone).await.unwrap();
    house.store.plan(Which::Next, Fault::LostAfter);
    assert!(is_unavailable(&house.enroll(&alice, &phone).await));
    let challenge = house.challenge(&alice).await.unwrap();
    let shown = house.engine.pending(&phone.credential(), Reader::Stranger, 0).await.unwrap();
    assert_eq!(shown.offers[0].1.challenge.id, challenge.id);
    let ended = house.decide(&phone, &challenge, Decision::Approve).await.unwrap();
    assert_eq!(ended.outcome, Outcome::Approved);
}

#[actix::test]
async fn a_commit_that_arrives_twice_is_recorded_once() {
    let house = House::open();
    let (_, phone, challenge) = house.asked().await;
    house.store.plan(Which::End, Fault::Twice);
    let revision = async || house.store.account(&challenge.account).await.unwrap().version.number;
    let before = revision().await;
    let ended = house.decide(&phone, &challenge, Decision::Approve).await.unwrap();
    assert_eq!(Some(ended), house.store.recorded(&challenge).await);
    assert_eq!(revision().await, before + 1);
    house.assert_single_outcomes();
}

#[actix::test]
async fn a_delayed_commit_does_not_let_another_outcome_pass_it() {
    let house = House::open();
    let (alice, phone, challenge) = house.asked().await;
    let (at_store, mut held) = gate();
    house.store.plan(Which::End, Fault::Delayed(at_store));
    let approving = house.decide(&phone, &challenge, Decision::Approve);
    let cancelling = async {
        soon(&mut held.arrived).await.unwrap();
        let id = challenge.id.clone();
        let cancelling = house.engine.cancel(&alice, &challenge.action, id);
        let opening = async { held.open() };
        tokio::join!(cancelling, opening).0
    };
    let (approved, cancelled) = soon(async { tokio::join!(approving, cancelling) }).await;
    assert_eq!(approved.unwrap().outcome, Outcome::Approved);
    assert_eq!(cancelled.unwrap().outcome, Outcome::Approved);
    house.assert_single_outcomes();
}

#[actix::test]
async fn the_account_goes_on_after_an_outage() {
    let house = House::open();
    let (alice, phone, challenge) = house.asked().await;
    let waiter = house.waiter(&challenge).await;
    house.store.is_out.store(true, Ordering::SeqCst);
    assert!(is_unavailable(&house.decide(&phone, &challenge, Decision::Approve).await));
    assert!(is_unavailable(&house.track(&alice, &action("signIn", "s-2")).await));
    assert!(is_unavailable(&house.enroll(&account("bob"), &Phone::new(2)).await));
    house.store.is_out.store(false, Ordering::SeqCst);
    assert_eq!(house.outcome(&challenge).await, None);
    house.decide(&phone, &challenge, Decision::Approve).await.unwrap();
    assert_eq!(waiter.await, Some(Outcome::Approved));
    house.track(&alice, &action("signIn", "s-2")).await.unwrap();
    house.enroll(&account("bob"), &Phone::new(2)).await.unwrap();
}

#[actix::test]
async fn an_actor_that_could_not_be_loaded_is_loaded_by_the_next_request() {
    let house = House::open();
    let (alice, phone, challenge) = house.asked().await;
    let other = house.again_after(1);
    for _ in 0..2 {
        house.store.reads_failing.store(1, Ordering::SeqCst);
        assert!(is_unavailable(&soon(other.engine.user(&alice)).await));
        house.store.reads_failing.store(1, Ordering::SeqCst);
        assert!(is_unavailable(&soon(other.engine.credential(&phone.credential(), None)).await));
        house.store.reads_failing.store(1, Ordering::SeqCst);
        assert!(is_unavailable(&soon(other.poll(&challenge, 0)).await.map(|_| ())));
    }
    assert_eq!(other.engine.user(&alice).await.unwrap().devices.len(), 1);
    other.engine.credential(&phone.credential(), None).await.unwrap();
    assert_eq!(other.outcome(&challenge).await, None);
    other.decide(&phone, &challenge, Decision::Approve).await.unwrap();
}

#[actix::test]
async fn a_panic_in_a_call_leaves_the_account_usable() {
    let house = House::open();
    let (alice, phone, challenge) = house.asked().await;
    let waiter = house.waiter(&challenge).await;
    house.store.plan(Which::End, Fault::Panic);
    assert!(is_unavailable(&soon(house.decide(&phone, &challenge, Decision::Approve)).await));
    assert_eq!(house.store.recorded(&challenge).await, None);
    soon(house.track(&alice, &action("signIn", "s-2"))).await.unwrap();
    soon(house.decide(&phone, &challenge, Decision::Approve)).await.unwrap();
    assert_eq!(waiter.await, Some(Outcome::Approved));
}
