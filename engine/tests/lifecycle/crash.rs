//! Tests of the records that a crash leaves, as the next engine reads them.

use std::sync::Arc;

use countersign_core::outcome::Decision;
use countersign_core::outcome::Outcome;
use countersign_core::policy::Limits;
use countersign_core::refusal::Hold;
use countersign_core::refusal::Refusal;
use countersign_engine::Error;
use countersign_engine::store::MemoryStore;

use countersign_engine::Reader;

use crate::support::{
    Fault, House, NeverDelivers, Phone, RefusesDelivery, WAIT_MS, Which, account, action, gate,
    grant, soon,
};

/// Issues a challenge whose notification never ends.
async fn held() -> (House, Phone, countersign_core::challenge::Challenge) {
    let store = Arc::new(MemoryStore::default());
    let house = House::over(store, Limits::default(), Some(Arc::new(NeverDelivers)));
    let (alice, phone) = (account("alice"), Phone::new(1));
    house.enroll(&alice, &phone).await.unwrap();
    let key = action("signIn", "s-1");
    house.track(&alice, &key).await.unwrap();
    let engine = house.engine.clone();
    tokio::spawn(async move { engine.start_challenge(&alice, grant(key), None, true).await });
    let seen =
        soon(house.engine.pending(&phone.credential(), Reader::Stranger, WAIT_MS)).await.unwrap();
    let challenge = Arc::unwrap_or_clone(seen.offers[0].1.challenge.clone());
    (house, phone, challenge)
}

#[actix::test]
async fn a_held_challenge_cannot_be_decided() {
    let (house, phone, challenge) = held().await;
    let refused = house.decide(&phone, &challenge, Decision::Approve).await;
    assert_eq!(refused, Err(Error::Refused(Refusal::ChallengeHeld)));
    assert_eq!(house.outcome(&challenge).await, None);
}

#[actix::test]
async fn a_held_challenge_that_a_crash_left_behind_is_cancelled() {
    let (house, phone, challenge) = held().await;
    let after = house.again_after(15_001);
    assert_eq!(after.waiter(&challenge).await.await, Some(Outcome::Cancelled));
    assert!(after.decide(&phone, &challenge, Decision::Approve).await.is_err());
}

#[actix::test]
async fn a_challenge_that_ended_while_nobody_ran_is_expired() {
    let house = House::open();
    let (_, phone, challenge) = house.asked().await;
    let after = house.again_after(300_250);
    let told = soon(after.poll(&challenge, WAIT_MS)).await.unwrap();
    assert_eq!(told.ended().map(|e| e.outcome), Some(Outcome::Expired));
    assert!(after.decide(&phone, &challenge, Decision::Approve).await.is_err());
    house.assert_single_outcomes();
}

#[actix::test]
async fn what_was_open_at_a_crash_is_decided_after_it() {
    let house = House::open();
    let (_, phone, challenge) = house.asked().await;
    let after = house.again_after(1000);
    let waiter = after.waiter(&challenge).await;
    let shown = after.engine.pending(&phone.credential(), Reader::Stranger, 0).await.unwrap();
    assert_eq!(shown.offers[0].1.challenge.id, challenge.id);
    after.decide(&phone, &challenge, Decision::Approve).await.unwrap();
    assert_eq!(waiter.await, Some(Outcome::Approved));
}

#[actix::test]
async fn a_notification_that_is_not_accepted_leaves_nothing_pending() {
    let store = Arc::new(MemoryStore::default());
    let house = House::over(store, Limits::default(), Some(Arc::new(RefusesDelivery)));
    let (alice, phone) = (account("alice"), Phone::new(1));
    house.enroll(&alice, &phone).await.unwrap();
    assert!(matches!(house.challenge(&alice).await, Err(Error::Delivery(_))));
    let seen = house.engine.pending(&phone.credential(), Reader::Stranger, 0).await.unwrap();
    assert!(seen.offers.is_empty());
    assert_eq!(house.store.journal().len(), 1);
}

#[actix::test]
async fn what_was_pending_expires_when_the_clock_was_set_back() {
    let house = House::open();
    let (alice, phone, challenge) = house.asked().await;
    assert_eq!(house.engine.recover().await, Ok(0));
    // The next engine starts an hour later, and records that time. Then the clock is set back to
    // before that.
    let later = house.again_after(3_600_000);
    assert_eq!(later.engine.recover().await, Ok(0));
    let latest = later.now();
    // This engine crashes too. If it were alive, its timer would end the next challenge.
    drop(later);
    let back = house.again_after(1000);
    assert_eq!(back.engine.recover().await, Ok(1));
    let recorded = house.store.recorded(&challenge).await.unwrap();
    assert_eq!((recorded.outcome, recorded.at), (Outcome::Expired, latest));
    let refused = back.decide(&phone, &challenge, Decision::Approve).await;
    assert_eq!(refused, Err(Error::Refused(Refusal::ChallengeEnded)));
    // The engine's time continues from the recorded one, so that a new challenge can be approved.
    let newer = back.challenge(&alice).await.unwrap();
    assert!(back.decide(&phone, &newer, Decision::Approve).await.is_ok());
    house.assert_single_outcomes();
}

#[actix::test]
async fn a_hold_lasts_as_long_as_it_does_when_the_clock_was_set_back() {
    const HOLD_MS: u64 = 15 * 60_000;
    let house = House::open();
    let alice = account("alice");
    let phone = Phone::new(1);
    house.enroll(&alice, &phone).await.unwrap();
    let wrong = house.again_after(10 * 365 * 86_400_000);
    let challenge = wrong.challenge(&alice).await.unwrap();
    wrong.decide(&phone, &challenge, Decision::Report).await.unwrap();
    let hold = Hold::Reported;
    let refused_for =
        |retry_after_ms| Error::Refused(Refusal::TooManyPrompts { hold, retry_after_ms });
    let back = house.again_after(1000);
    back.engine.recover().await.unwrap();
    assert_eq!(back.challenge(&alice).await, Err(refused_for(HOLD_MS)));
    // The next engine keeps the original start of the hold.
    let again = house.again_after(HOLD_MS);
    assert_eq!(again.challenge(&alice).await, Err(refused_for(1000)));
    assert!(house.again_after(HOLD_MS + 1000).challenge(&alice).await.is_ok());
}

#[actix::test]
async fn more_than_one_look_at_what_is_pending_is_taken_if_need_be() {
    let house = House::open();
    for n in 0..1_100 {
        let user = account(&format!("user-{n}"));
        house.enroll(&user, &Phone::of(n)).await.unwrap();
        house.challenge(&user).await.unwrap();
    }
    house.engine.recover().await.unwrap();
    house.again_after(3_600_000).engine.recover().await.unwrap();
    assert_eq!(house.again_after(0).engine.recover().await, Ok(1_100));
}

#[actix::test]
async fn a_store_that_does_not_answer_lets_nobody_in() {
    let house = House::open();
    house.asked().await;
    house.again_after(3_600_000).engine.recover().await.unwrap();
    house.store.is_out.store(true, std::sync::atomic::Ordering::SeqCst);
    let back = house.again_after(0);
    assert!(matches!(back.engine.recover().await, Err(Error::Unavailable(_))));
}

#[actix::test]
async fn the_end_waits_for_work_at_intervals_that_is_under_way() {
    let house = House::open();
    let (_, _, challenge) = house.asked().await;
    let (gate, mut held) = gate();
    house.store.plan(Which::End, Fault::Delayed(gate));
    // The engine's first search for overdue challenges finds this one, and begins to end it.
    let after = house.again_after(300_250);
    soon(&mut held.arrived).await.unwrap();
    // The engine is asked to close before the store records the end.
    let (closed, ()) = tokio::join!(soon(after.engine.close()), async { held.open() });
    closed.unwrap();
    let recorded: Vec<_> = house.store.journal()[&challenge.id].iter().map(|e| e.outcome).collect();
    assert_eq!(recorded, [Outcome::Expired]);
}
