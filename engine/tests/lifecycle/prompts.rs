//! Tests of the limit on prompts for a user: the number of challenges that are sent, and the effect
//! on other users.

use std::sync::Arc;

use countersign_core::action::ActionState;
use countersign_core::challenge::Challenge;
use countersign_core::outcome::Decision;
use countersign_core::outcome::Outcome;
use countersign_core::policy::Limits;
use countersign_core::refusal::Hold;
use countersign_core::refusal::Refusal;
use countersign_engine::store::{MemoryStore, SqliteStore};
use countersign_engine::{Error, Reader};
use futures_util::future::join_all;

use crate::support::{CountsDeliveries, Fault, House, Phone, Which, account, action, soon};

const MINUTE_MS: u64 = 60_000;

fn counted() -> (House, Arc<CountsDeliveries>) {
    let delivery = Arc::new(CountsDeliveries::default());
    let store = Arc::new(MemoryStore::default());
    (House::over(store, Limits::default(), Some(delivery.clone())), delivery)
}

/// Starts 50 challenges for alice. While 200 calls run at the same time, the clock moves by one
/// minute in all. Returns the number of refusals.
async fn nag(house: &House, number: usize) -> usize {
    let alice = account("alice");
    let mut refused = 0;
    for round in 0..50 {
        // Some challenges replace an older one, and some stay open beside it.
        let key = action(&format!("code{}", (number + round) % 8), &format!("k-{number}"));
        house.clock.pass(6);
        match house.challenge_for(&alice, key).await {
            Ok(_) => {}
            Err(Error::Refused(Refusal::TooManyPrompts { retry_after_ms, .. })) => {
                assert!((1..=15 * MINUTE_MS).contains(&retry_after_ms), "{retry_after_ms}");
                refused += 1;
            }
            Err(error) => panic!("refused otherwise: {error}"),
        }
    }
    refused
}

#[actix::test]
async fn of_ten_thousand_initiations_in_a_minute_five_are_notified_and_others_are_undisturbed() {
    let (house, delivery) = counted();
    let (alice, bob) = (account("alice"), account("bob"));
    let (phone, bobs) = (Phone::new(1), Phone::new(2));
    house.enroll(&alice, &phone).await.unwrap();
    house.enroll(&bob, &bobs).await.unwrap();
    let naggers = join_all((0..200).map(|number| nag(&house, number)));
    let signing_in = async {
        for round in 0..50 {
            let key = action("signIn", &format!("b-{round}"));
            let challenge = house.challenge_for(&bob, key).await.unwrap();
            house.decide(&bobs, &challenge, Decision::Approve).await.unwrap();
        }
    };
    let (refused, ()) = tokio::join!(naggers, signing_in);
    assert_eq!(refused.iter().sum::<usize>(), 10_000 - 5);
    let mut notified: Vec<_> =
        delivery.notified(&alice).into_iter().map(|challenge| challenge.id.clone()).collect();
    notified.sort_by(|a, b| a.as_str().cmp(b.as_str()));
    notified.dedup();
    assert_eq!((notified.len(), delivery.notified(&alice).len()), (5, 5), "one for each challenge");
    assert_eq!(delivery.notified(&bob).len(), 50);
}

#[actix::test]
async fn what_is_refused_makes_the_wait_no_longer() {
    let (house, delivery) = counted();
    let (alice, phone) = (account("alice"), Phone::new(1));
    house.enroll(&alice, &phone).await.unwrap();
    for _ in 0..5 {
        house.challenge(&alice).await.unwrap();
    }
    for _ in 0..15 {
        let refused = house.challenge(&alice).await.unwrap_err();
        assert!(matches!(refused, Error::Refused(Refusal::TooManyPrompts { .. })));
        house.clock.pass(MINUTE_MS);
    }
    house.challenge(&alice).await.unwrap();
    assert_eq!(delivery.notified(&alice).len(), 6);
}

#[actix::test]
async fn a_prompt_that_the_relying_party_did_not_accept_counts() {
    let refuses = Arc::new(crate::support::RefusesDelivery);
    let store = Arc::new(MemoryStore::default());
    let house = House::over(store, Limits::default(), Some(refuses));
    let (alice, phone) = (account("alice"), Phone::new(1));
    house.enroll(&alice, &phone).await.unwrap();
    for _ in 0..5 {
        assert!(matches!(house.challenge(&alice).await, Err(Error::Delivery(_))));
    }
    let refused = house.challenge(&alice).await.unwrap_err();
    assert!(matches!(refused, Error::Refused(Refusal::TooManyPrompts { .. })));
}

#[actix::test]
async fn a_notification_that_is_lost_is_repeated_as_often_as_the_limit_allows() {
    for max in [1, 3] {
        let delivery = Arc::new(crate::support::OutOfReach::default());
        let limits = Limits { notifications_per_challenge_max: max, ..Limits::default() };
        let store = Arc::new(MemoryStore::default());
        let house = House::over(store, limits, Some(delivery.clone()));
        let (alice, phone) = (account("alice"), Phone::new(1));
        house.enroll(&alice, &phone).await.unwrap();
        let lost = house.challenge(&alice).await.unwrap_err();
        assert!(matches!(lost, Error::Delivery(error) if error.reason == "lost"));
        assert_eq!(delivery.notified(), u64::from(max));
        assert_eq!(house.store.counters(&alice).await.prompts.len(), 1, "one prompt all the same");
        let ends = house.store.journal();
        let (id, ended) = ends.iter().next().unwrap();
        assert_eq!(ended[0].outcome, Outcome::Cancelled);
        assert_eq!(house.store.notifications(&alice, id).await, max);
    }
}

#[actix::test]
async fn a_notification_is_counted_before_it_is_sent_or_it_is_not_sent() {
    let delivery = Arc::new(crate::support::OutOfReach::default());
    let store = Arc::new(MemoryStore::default());
    let house = House::over(store, Limits::default(), Some(delivery.clone()));
    let (alice, phone) = (account("alice"), Phone::new(1));
    house.enroll(&alice, &phone).await.unwrap();
    // Skips three commits: the tracking, the issue, and the count of the first notification. The
    // next one, which counts the second notification, is lost.
    house.store.plan_after(3, Which::Next, Fault::LostBefore);
    assert!(house.challenge(&alice).await.is_err());
    assert_eq!(delivery.notified(), 1);
    // Skips the issue. The next commit, which counts the first notification, is lost.
    house.store.plan_after(1, Which::Next, Fault::LostBefore);
    let refused = house.challenge(&alice).await.unwrap_err();
    assert!(matches!(refused, Error::Unavailable(_)), "{refused}");
    assert_eq!(delivery.notified(), 1, "it is not sent");
}

#[actix::test]
async fn a_notification_that_reached_nobody_takes_no_prompt_and_is_offered_to_no_device() {
    for max in [1, 3] {
        let delivery = Arc::new(crate::support::Refuses::default());
        let limits = Limits { notifications_per_challenge_max: max, ..Limits::default() };
        let house = House::over(Arc::new(MemoryStore::default()), limits, Some(delivery.clone()));
        let (alice, phone) = (account("alice"), Phone::new(1));
        house.enroll(&alice, &phone).await.unwrap();
        let key = phone.credential();
        let polling = house.engine.pending(&key, Reader::Stranger, 200);
        let asking = async {
            for tries in 1..=6 / max {
                let refused = house.challenge(&alice).await.unwrap_err();
                assert!(matches!(refused, Error::Delivery(e) if e.reason == "refused"));
                assert_eq!(delivery.called(), u64::from(tries * max), "as the limit allows");
                assert_eq!(house.store.counters(&alice).await.prompts, []);
            }
        };
        let (seen, ()) = tokio::join!(polling, asking);
        assert!(seen.unwrap().offers.is_empty(), "nobody is shown what could not be told");
    }
}

#[actix::test]
async fn tries_that_reach_nobody_are_refused_after_twenty_in_the_window() {
    let delivery = Arc::new(crate::support::Refuses::default());
    let limits = Limits { notifications_per_challenge_max: 1, ..Limits::default() };
    let house = House::over(Arc::new(MemoryStore::default()), limits, Some(delivery.clone()));
    let (alice, phone) = (account("alice"), Phone::new(1));
    house.enroll(&alice, &phone).await.unwrap();
    for _ in 0..20 {
        assert!(matches!(house.challenge(&alice).await, Err(Error::Delivery(_))));
    }
    let (hold, retry_after_ms) = (Hold::Unreached, 15 * MINUTE_MS);
    let held = Err(Error::Refused(Refusal::TooManyPrompts { hold, retry_after_ms }));
    assert_eq!(house.challenge(&alice).await, held);
    assert_eq!((delivery.called(), house.store.journal().len()), (20, 20));
    // The prompt is counted in the record, so that the count survives a restart.
    assert_eq!(house.again_after(0).challenge(&alice).await, held);
    house.clock.pass(15 * MINUTE_MS);
    assert!(matches!(house.challenge(&alice).await, Err(Error::Delivery(_))));
}

#[actix::test]
async fn a_challenge_is_offered_although_other_actions_took_the_place_of_its_own() {
    let (meet, met) = tokio::sync::oneshot::channel();
    let (go_on, gone_on) = tokio::sync::oneshot::channel();
    let slow = Arc::new(crate::support::ConnectsLate::new(meet, gone_on));
    let house = House::over(Arc::new(MemoryStore::default()), Limits::default(), Some(slow));
    let (alice, phone) = (account("alice"), Phone::new(1));
    house.enroll(&alice, &phone).await.unwrap();
    let key = phone.credential();
    let polling = house.engine.pending(&key, Reader::Stranger, 10_000);
    let asking = house.challenge(&alice);
    let between = async {
        met.await.unwrap();
        for number in 0..16 {
            house.track(&alice, &action("other", &format!("o-{number}"))).await.unwrap();
        }
        go_on.send(()).unwrap();
    };
    let (seen, asked, ()) = soon(async { tokio::join!(polling, asking, between) }).await;
    let (seen, asked) = (seen.unwrap(), asked.unwrap());
    let offered: Vec<_> = seen.offers.iter().map(|(_, offer)| &offer.challenge.id).collect();
    assert_eq!(offered, [&asked.id]);
    assert!(house.decide(&phone, &asked, Decision::Approve).await.is_ok());
}

/// Checks that a challenge counts as a prompt once it was offered, even briefly. Otherwise a caller
/// that soon withdraws its challenges could prompt without a limit.
#[actix::test]
async fn a_notification_that_may_have_arrived_takes_a_prompt() {
    let lost = Arc::new(crate::support::OutOfReach::default());
    let store = Arc::new(MemoryStore::default());
    let limits = Limits { notifications_per_challenge_max: 1, ..Limits::default() };
    let house = House::over(store, limits, Some(lost));
    let (alice, phone) = (account("alice"), Phone::new(1));
    house.enroll(&alice, &phone).await.unwrap();
    let key = phone.credential();
    let polling = house.engine.pending(&key, Reader::Stranger, 30_000);
    let asking = async {
        for _ in 0..5 {
            assert!(matches!(house.challenge(&alice).await, Err(Error::Delivery(_))));
        }
    };
    let (seen, ()) = tokio::join!(polling, asking);
    seen.unwrap();
    let refused = house.challenge(&alice).await.unwrap_err();
    assert!(matches!(refused, Error::Refused(Refusal::TooManyPrompts { .. })), "{refused}");
}

#[actix::test]
async fn a_challenge_that_is_taken_back_before_its_connection_stands_is_not_told_of() {
    let (meet, met) = tokio::sync::oneshot::channel();
    let (go_on, gone_on) = tokio::sync::oneshot::channel();
    let slow = crate::support::ConnectsLate::new(meet, gone_on);
    let told = slow.told();
    let store = Arc::new(MemoryStore::default());
    let house = House::over(store, Limits::default(), Some(Arc::new(slow)));
    let (alice, phone) = (account("alice"), Phone::new(1));
    house.enroll(&alice, &phone).await.unwrap();
    let asking = house.challenge(&alice);
    let cancelling = async {
        let issued: Arc<Challenge> = soon(met).await.unwrap();
        // A phone that reads its pending challenges for the first time does not get it either.
        for looking in [&house, &house.again_after(0)] {
            let looked = looking.engine.pending(&phone.credential(), Reader::Stranger, 0).await;
            assert!(looked.unwrap().offers.is_empty());
        }
        let id = issued.id.clone();
        house.engine.cancel(&alice, &issued.action, id).await.unwrap();
        go_on.send(()).unwrap();
    };
    let (refused, ()) = tokio::join!(asking, cancelling);
    assert_eq!(refused, Err(Error::Refused(Refusal::ChallengeEnded)));
    assert!(!told.load(std::sync::atomic::Ordering::SeqCst), "its end was known");
    assert_eq!(house.store.counters(&alice).await.prompts.len(), 1, "its call was under way");
}

#[actix::test]
async fn an_approval_makes_room_and_a_cancellation_does_not() {
    let (house, _) = counted();
    let (alice, phone) = (account("alice"), Phone::new(1));
    house.enroll(&alice, &phone).await.unwrap();
    for _ in 0..4 {
        let challenge = house.challenge(&alice).await.unwrap();
        house.engine.cancel(&alice, &challenge.action, challenge.id.clone()).await.unwrap();
    }
    let last = house.challenge(&alice).await.unwrap();
    assert!(house.challenge(&alice).await.is_err());
    house.decide(&phone, &last, Decision::Approve).await.unwrap();
    house.challenge_for(&alice, action("signIn", "next")).await.unwrap();
}

#[actix::test]
async fn a_report_is_told_once_it_is_recorded_and_holds_prompts() {
    let (house, delivery) = counted();
    let (alice, phone, challenge) = house.asked().await;
    let ended = house.decide(&phone, &challenge, Decision::Report).await.unwrap();
    assert_eq!(ended.outcome, Outcome::Reported);
    assert_eq!(house.store.recorded(&challenge).await, Some(ended));
    let [told] = &*delivery.told(1).await else { panic!("told once") };
    assert_eq!(told.challenge, challenge.id);
    assert_eq!(told.by.as_ref(), challenge.targets.first());
    let failed = house.engine.action(&alice, challenge.action.clone()).await.unwrap();
    assert_eq!(failed.state, ActionState::ChallengeFailed);
    let again = house.decide(&phone, &challenge, Decision::Report).await.unwrap();
    assert_eq!((again.outcome, delivery.told(1).await.len()), (Outcome::Reported, 1));
    house.clock.pass(15 * MINUTE_MS - 1);
    let refused = house.challenge(&alice).await.unwrap_err();
    let held = Refusal::TooManyPrompts { hold: Hold::Reported, retry_after_ms: 1 };
    assert_eq!(refused, Error::Refused(held));
    house.clock.pass(1);
    house.challenge(&alice).await.unwrap();
}

#[actix::test]
async fn the_counts_are_still_there_when_the_file_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store");
    let open = || Arc::new(SqliteStore::open(&file).unwrap());
    let (alice, phone) = (account("alice"), Phone::new(1));
    let before = House::over(open(), Limits::default(), None);
    before.enroll(&alice, &phone).await.unwrap();
    for _ in 0..5 {
        before.challenge(&alice).await.unwrap();
    }
    soon(before.engine.close()).await.unwrap();
    drop(before);
    let after = House::over(open(), Limits::default(), None);
    let refused = after.challenge(&alice).await.unwrap_err();
    let held = Refusal::TooManyPrompts { hold: Hold::Asked, retry_after_ms: 15 * MINUTE_MS };
    assert_eq!(refused, Error::Refused(held));
    soon(after.engine.close()).await.unwrap();
}
