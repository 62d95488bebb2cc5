//! Tests of several callers at the same time.

use std::collections::HashSet;

use countersign_core::outcome::Decision;
use countersign_core::outcome::Outcome;
use countersign_core::policy::Limits;
use countersign_core::refusal::Refusal;
use countersign_engine::Error;
use futures_util::future::join_all;

use crate::support::{House, Phone, account, action, soon};

#[actix::test]
async fn two_devices_that_decide_at_the_same_time_make_one_outcome() {
    for round in 0..50 {
        let house = House::open();
        let (alice, first, _) = house.asked().await;
        let second = Phone::new(2);
        house.enroll(&alice, &second).await.unwrap();
        let challenge = house.challenge(&alice).await.unwrap();
        let waiter = house.waiter(&challenge).await;
        let approving = house.decide(&first, &challenge, Decision::Approve);
        let denying = house.decide(&second, &challenge, Decision::Deny);
        let (approved, denied) = soon(async { tokio::join!(approving, denying) }).await;
        let recorded = house.store.recorded(&challenge).await.unwrap();
        let winner = match (&approved, &denied) {
            (Ok(won), Err(lost)) | (Err(lost), Ok(won)) => {
                assert_eq!(*lost, Error::Refused(Refusal::ChallengeEnded), "round {round}");
                won
            }
            (Ok(_), Ok(_)) | (Err(_), Err(_)) => panic!("not one winner: {approved:?} {denied:?}"),
        };
        assert_eq!(*winner, recorded);
        assert_eq!(winner.outcome == Outcome::Approved, approved.is_ok());
        assert_eq!(waiter.await, Some(winner.outcome));
        house.assert_single_outcomes();
        soon(house.engine.close()).await.unwrap();
    }
}

#[actix::test]
async fn ten_users_proving_one_key_at_the_same_time_take_five_places() {
    let house = House::open();
    let phone = Phone::new(1);
    let users: Vec<_> = (0..10).map(|n| account(&format!("user-{n}"))).collect();
    let proving = users.iter().map(|user| house.enroll_proven(user, &phone));
    let enrolled = soon(join_all(proving)).await;
    let refused = Error::Refused(Refusal::UsersPerKeyMax { max: 5 });
    assert_eq!(enrolled.iter().filter(|e| e.is_ok()).count(), 5, "{enrolled:?}");
    assert_eq!(enrolled.iter().filter(|e| e.as_ref().err() == Some(&refused)).count(), 5);
    let mut bound = 0;
    for user in &users {
        bound += house.engine.user(user).await.unwrap().devices.len();
    }
    assert_eq!(bound, 5);
}

#[actix::test]
async fn one_action_tracked_many_times_at_once_is_one_action() {
    let house = House::open();
    let (alice, key) = (account("alice"), action("signIn", "s-1"));
    let before = house.store.commits();
    let tracked = soon(join_all((0..50).map(|_| house.track(&alice, &key)))).await;
    let first = tracked[0].as_ref().unwrap().action.clone();
    assert!(tracked.into_iter().all(|t| t.unwrap().action == first));
    assert_eq!(house.store.commits() - before, 1);
}

#[actix::test]
async fn one_decision_sent_many_times_at_once_is_recorded_once() {
    let house = House::open();
    let (_, phone, challenge) = house.asked().await;
    let before = house.store.commits();
    let decide = || house.decide(&phone, &challenge, Decision::Approve);
    let decided = soon(join_all((0..20).map(|_| decide()))).await;
    let recorded = house.store.recorded(&challenge).await.unwrap();
    assert!(decided.into_iter().all(|d| d == Ok(recorded.clone())));
    assert_eq!(house.store.commits() - before, 1);
    house.assert_single_outcomes();
}

/// Checks that a decision needs only two actors: that of the credential, which knows the challenge,
/// and that of the account, which judges the decision.
#[actix::test]
async fn a_decision_passes_two_mailboxes() {
    let house = House::open();
    let (_, phone, challenge) = house.asked().await;
    let after = house.again_after(1);
    assert_eq!(after.engine.actors(), 0);
    after.decide(&phone, &challenge, Decision::Approve).await.unwrap();
    assert_eq!(after.engine.actors(), 2);
}

#[actix::test]
async fn challenges_started_at_the_same_time_leave_one_open() {
    let house = House::with(Limits { prompts_max: 11, ..Limits::default() });
    let (alice, _, first) = house.asked().await;
    let started = soon(join_all((0..10).map(|_| house.challenge(&alice)))).await;
    let mut open = HashSet::new();
    for challenge in started.into_iter().map(Result::unwrap).chain([first]) {
        match house.outcome(&challenge).await {
            None => _ = open.insert(challenge.id.clone()),
            ended => assert_eq!(ended, Some(Outcome::Superseded)),
        }
    }
    assert_eq!(open.len(), 1);
    house.assert_single_outcomes();
}
