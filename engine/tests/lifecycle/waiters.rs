//! Tests of waiters: each gets every end after it is recorded, and no later than the challenge's
//! expiry.

use std::sync::atomic::Ordering;
use std::time::Duration;

use countersign_core::action::ActionState;
use countersign_core::challenge::Ended;
use countersign_core::outcome::Decision;
use countersign_core::outcome::Outcome;
use countersign_core::policy::Limits;
use countersign_engine::{Reader, RemovalProof};

use crate::support::{Fault, House, Phone, WAIT_MS, Which, gate, soon};

#[actix::test]
async fn every_waiter_is_told_of_a_decision() {
    let house = House::open();
    let (_, phone, challenge) = house.asked().await;
    let waiters = [
        house.waiter(&challenge).await,
        house.waiter(&challenge).await,
        house.waiter(&challenge).await,
    ];
    house.decide(&phone, &challenge, Decision::Deny).await.unwrap();
    for waiter in waiters {
        assert_eq!(waiter.await, Some(Outcome::Denied));
    }
}

#[actix::test]
async fn one_waiter_too_many_is_answered_at_once() {
    let house = House::open();
    let (_, phone, challenge) = house.asked().await;
    let mut waiters = Vec::new();
    for _ in 0..4 {
        waiters.push(house.waiter(&challenge).await);
    }
    let fifth = soon(house.poll(&challenge, WAIT_MS)).await.unwrap();
    assert!(fifth.crowded && fifth.ended().is_none());
    // A waiter that leaves frees its place.
    drop(waiters.pop());
    waiters.push(house.waiter(&challenge).await);
    house.decide(&phone, &challenge, Decision::Approve).await.unwrap();
    for waiter in waiters {
        assert_eq!(waiter.await, Some(Outcome::Approved));
    }
}

#[actix::test]
async fn nobody_is_told_that_a_challenge_is_open_while_another_server_may_own_the_store() {
    let house = House::open();
    let (_, _, challenge) = house.asked().await;
    let doubt = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        house.store.is_in_doubt.store(true, Ordering::SeqCst);
    };
    let (waited, ()) = tokio::join!(house.poll(&challenge, 200), doubt);
    assert!(waited.is_err(), "{waited:?}");
    house.store.is_in_doubt.store(false, Ordering::SeqCst);
    assert!(house.poll(&challenge, 1).await.unwrap().ended().is_none());
}

/// Checks that the next decision brings a missed end to the waiters. A second engine misses the
/// end, as if a commit's reply was lost and the commit was recorded after every waiter had looked.
#[actix::test]
async fn who_missed_an_end_is_told_by_the_next_who_decides() {
    let house = House::open();
    let (_, phone, challenge) = house.asked().await;
    let after = house.again_after(1);
    let waiter = after.waiter(&challenge).await;
    assert_eq!(after.outcome(&challenge).await, None);
    let ended = house.decide(&phone, &challenge, Decision::Deny).await.unwrap();
    let (waited, again) = tokio::join!(waiter, after.decide(&phone, &challenge, Decision::Deny));
    assert_eq!(again, Ok(ended));
    assert_eq!(waited, Some(Outcome::Denied));
}

#[actix::test]
async fn waiters_are_told_of_a_cancellation() {
    let house = House::open();
    let (alice, phone, challenge) = house.asked().await;
    let waiter = house.waiter(&challenge).await;
    let id = challenge.id.clone();
    let ended = house.engine.cancel(&alice, &challenge.action, id).await.unwrap();
    assert_eq!(ended.outcome, Outcome::Cancelled);
    assert_eq!(waiter.await, Some(Outcome::Cancelled));
    assert!(house.decide(&phone, &challenge, Decision::Approve).await.is_err());
    assert_eq!(house.outcome(&challenge).await, Some(Outcome::Cancelled));
}

#[actix::test]
async fn a_challenge_that_nobody_waits_for_is_taken_back_and_no_other() {
    let house = House::open();
    let (alice, phone, challenge) = house.asked().await;
    let leave = || house.engine.cancel_if_left(&alice, &challenge.action, challenge.id.clone());
    let waiters = [house.waiter(&challenge).await, house.waiter(&challenge).await];
    assert_eq!(leave().await.unwrap(), None);
    drop(waiters);
    let ended = leave().await.unwrap().unwrap();
    assert_eq!(ended.outcome, Outcome::Cancelled);
    assert!(house.decide(&phone, &challenge, Decision::Approve).await.is_err());
    // After the end the same call returns the recorded end.
    assert_eq!(leave().await.unwrap(), Some(ended));
}

#[actix::test]
async fn waiters_are_told_that_a_newer_challenge_took_the_place() {
    let house = House::open();
    let (alice, phone, challenge) = house.asked().await;
    let waiter = house.waiter(&challenge).await;
    let newer = house.challenge(&alice).await.unwrap();
    assert_eq!(waiter.await, Some(Outcome::Superseded));
    assert!(house.decide(&phone, &challenge, Decision::Approve).await.is_err());
    let ended = house.decide(&phone, &newer, Decision::Approve).await.unwrap();
    assert_eq!(ended.outcome, Outcome::Approved);
}

#[actix::test]
async fn waiters_are_told_that_the_only_device_was_removed() {
    let house = House::open();
    let (alice, phone, challenge) = house.asked().await;
    let waiter = house.waiter(&challenge).await;
    let target = challenge.targets[0].clone();
    house.engine.remove_authenticator(&alice, target).await.unwrap();
    assert_eq!(waiter.await, Some(Outcome::Revoked));
    assert!(house.decide(&phone, &challenge, Decision::Approve).await.is_err());
}

#[actix::test]
async fn a_challenge_stays_open_while_one_of_its_devices_is_left() {
    let house = House::open();
    let (alice, first, _) = house.asked().await;
    let second = Phone::new(2);
    house.enroll(&alice, &second).await.unwrap();
    let challenge = house.challenge(&alice).await.unwrap();
    let waiter = house.waiter(&challenge).await;
    let good_bye = first.good_bye(house.now());
    let by = RemovalProof::Official(good_bye);
    house.engine.remove_credential(&first.credential(), by).await.unwrap();
    assert!(house.decide(&first, &challenge, Decision::Approve).await.is_err());
    house.decide(&second, &challenge, Decision::Approve).await.unwrap();
    assert_eq!(waiter.await, Some(Outcome::Approved));
}

#[actix::test]
async fn waiters_are_told_that_the_user_was_deleted() {
    let house = House::open();
    let (alice, phone, challenge) = house.asked().await;
    let waiter = house.waiter(&challenge).await;
    house.engine.remove_user(&alice).await.unwrap();
    assert_eq!(waiter.await, Some(Outcome::Revoked));
    assert!(house.decide(&phone, &challenge, Decision::Approve).await.is_err());
}

#[actix::test]
async fn waiters_are_told_of_an_override() {
    let house = House::open();
    let (alice, _, challenge) = house.asked().await;
    let waiter = house.waiter(&challenge).await;
    let key = challenge.action.clone();
    house.engine.override_action(&alice, key, ActionState::ReviewFailed).await.unwrap();
    assert_eq!(waiter.await, Some(Outcome::Cancelled));
}

#[actix::test]
async fn waiters_are_told_of_an_expiry_once_it_is_recorded() {
    let house = House::hasty();
    let (_, _, challenge) = house.asked().await;
    let (at_store, mut held) = gate();
    house.store.plan(Which::End, Fault::Delayed(at_store));
    let waiter = house.waiter(&challenge).await;
    house.clock.pass(25);
    soon(&mut held.arrived).await.unwrap();
    // The store has received the expiry but has not recorded it, so no waiter has been notified.
    assert_eq!(house.outcome(&challenge).await, None);
    assert_eq!(house.store.recorded(&challenge).await, None);
    held.open();
    assert_eq!(waiter.await, Some(Outcome::Expired));
    let expired = Ended::without_device(Outcome::Expired, house.now());
    assert_eq!(house.store.recorded(&challenge).await, Some(expired));
}

#[actix::test]
async fn nobody_is_told_of_a_decision_before_it_is_recorded() {
    let house = House::open();
    let (_, phone, challenge) = house.asked().await;
    let (at_store, mut held) = gate();
    house.store.plan(Which::End, Fault::Delayed(at_store));
    let waiter = house.waiter(&challenge).await;
    let checked = async {
        soon(&mut held.arrived).await.unwrap();
        assert_eq!(house.outcome(&challenge).await, None);
        held.open();
    };
    let deciding = house.decide(&phone, &challenge, Decision::Approve);
    let (decided, ()) = tokio::join!(deciding, checked);
    assert_eq!(decided.unwrap().outcome, Outcome::Approved);
    assert_eq!(waiter.await, Some(Outcome::Approved));
}

#[actix::test]
async fn a_poll_does_not_outlive_a_challenge_whose_end_cannot_be_recorded() {
    let house = House::hasty();
    let (_, phone, challenge) = house.asked().await;
    house.store.is_out.store(true, Ordering::SeqCst);
    house.clock.pass(25);
    let verdict = soon(house.poll(&challenge, WAIT_MS)).await.unwrap();
    assert!(verdict.ended().is_none(), "nothing is recorded");
    assert!(house.decide(&phone, &challenge, Decision::Approve).await.is_err());
    house.store.is_out.store(false, Ordering::SeqCst);
    // A poll may end before the engine proposes the expiry again. The next poll gets it.
    let told = async {
        loop {
            if let Some(ended) = house.poll(&challenge, WAIT_MS).await.unwrap().ended() {
                break ended.outcome;
            }
        }
    };
    assert_eq!(soon(told).await, Outcome::Expired);
}

#[actix::test]
async fn draining_answers_every_waiter_and_lets_none_wait() {
    let house = House::open();
    let (alice, phone, challenge) = house.asked().await;
    let idle = Phone::new(2);
    house.enroll(&alice, &idle).await.unwrap();
    let waiters = [house.waiter(&challenge).await, house.waiter(&challenge).await];
    // This poll is answered after both waiters have registered.
    assert_eq!(house.outcome(&challenge).await, None);
    let credential = idle.credential();
    let app = house.engine.pending(&credential, Reader::Stranger, WAIT_MS);
    let drained = async {
        house.engine.credential(&credential, None).await.unwrap();
        house.engine.drain();
    };
    let (app, ()) = soon(async { tokio::join!(app, drained) }).await;
    assert!(app.unwrap().offers.is_empty());
    for waiter in waiters {
        assert_eq!(waiter.await, None);
    }
    let late = soon(house.poll(&challenge, WAIT_MS)).await.unwrap();
    assert!(late.ended().is_none());
    let late = soon(house.engine.pending(&credential, Reader::Stranger, WAIT_MS)).await.unwrap();
    assert!(late.offers.is_empty());
    assert!(house.engine.ready().is_err());
    // A challenge that is open may still be decided.
    house.decide(&phone, &challenge, Decision::Approve).await.unwrap();
    soon(house.engine.close()).await.unwrap();
}

#[actix::test]
async fn an_open_app_is_told_of_a_challenge_at_once() {
    let house = House::open();
    let (alice, phone, first) = house.asked().await;
    house.decide(&phone, &first, Decision::Deny).await.unwrap();
    house.clock.pass(Limits::default().denial_wait_ms);
    let credential = phone.credential();
    let app = house.engine.pending(&credential, Reader::Stranger, WAIT_MS);
    let (app, challenge) = soon(async { tokio::join!(app, house.challenge(&alice)) }).await;
    assert_eq!(app.unwrap().offers[0].1.challenge.id, challenge.unwrap().id);
}

#[actix::test]
async fn an_open_app_is_told_that_its_credential_is_gone() {
    let house = House::open();
    let (alice, phone, challenge) = house.asked().await;
    house.decide(&phone, &challenge, Decision::Deny).await.unwrap();
    let credential = phone.credential();
    let app = house.engine.pending(&credential, Reader::Stranger, WAIT_MS);
    let target = challenge.targets[0].clone();
    let removing = house.engine.remove_authenticator(&alice, target);
    let (app, removed) = soon(async { tokio::join!(app, removing) }).await;
    removed.unwrap();
    assert!(app.is_err());
}
