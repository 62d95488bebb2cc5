//! Tests of late processing: a decision counts from its arrival, not from the time at which the
//! engine processes it.

use countersign_core::outcome::Decision;
use countersign_core::outcome::Outcome;
use countersign_core::refusal::Refusal;
use countersign_engine::Error;

use crate::support::House;

#[actix::test]
async fn a_decision_that_arrived_in_time_counts_after_the_expiry() {
    let house = House::open();
    let (_, phone, challenge) = house.asked().await;
    let arrived_at = challenge.expires_at.minus_ms(1);
    house.clock.pass(challenge.expires_at.ms_since(house.now()) + 100);
    let signed = phone.answer(&challenge, Decision::Approve);
    let ended = house.engine.decide(&phone.credential(), signed, arrived_at).await.unwrap();
    assert_eq!((ended.outcome, ended.at), (Outcome::Approved, arrived_at));
}

#[actix::test]
async fn a_decision_that_arrived_late_is_refused_although_no_expiry_is_recorded() {
    let house = House::open();
    let (_, phone, challenge) = house.asked().await;
    let signed = phone.answer(&challenge, Decision::Approve);
    let late = challenge.expires_at;
    let refused = house.engine.decide(&phone.credential(), signed, late).await;
    assert_eq!(refused, Err(Error::Refused(Refusal::ChallengeEnded)));
    assert_eq!(house.store.recorded(&challenge).await, None);
}

#[actix::test]
async fn a_decision_that_arrived_in_time_does_not_replace_a_recorded_expiry() {
    let house = House::hasty();
    let (_, phone, challenge) = house.asked().await;
    let waiter = house.waiter(&challenge).await;
    house.clock.pass(25);
    assert_eq!(waiter.await, Some(Outcome::Expired));
    let signed = phone.answer(&challenge, Decision::Approve);
    let in_time = challenge.expires_at.minus_ms(1);
    let refused = house.engine.decide(&phone.credential(), signed, in_time).await;
    assert_eq!(refused, Err(Error::Refused(Refusal::ChallengeEnded)));
    assert_eq!(house.outcome(&challenge).await, Some(Outcome::Expired));
    house.assert_single_outcomes();
}
