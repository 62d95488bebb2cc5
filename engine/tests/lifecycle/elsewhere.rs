//! Tests of two engines over one store: each finds that an account has changed elsewhere when its
//! commit is refused, reads the account again and runs the rule again.

use std::sync::atomic::Ordering;

use countersign_core::action::ActionState;
use countersign_core::device::Signing;
use countersign_core::number_match::Digits;
use countersign_core::outcome::{Decision, Outcome};
use countersign_core::policy::Limits;
use countersign_core::refusal::{Hold, Refusal};
use countersign_engine::ports::Store as _;
use countersign_engine::{Error, Unavailable};
use futures_util::future::join_all;

use crate::support::{Fault, House, Phone, Which, account, action, soon};

/// Two engines over one store, which both have loaded alice with her phone.
async fn two() -> (House, House, Phone) {
    let here = House::open();
    let (alice, phone) = (account("alice"), Phone::new(1));
    here.enroll(&alice, &phone).await.unwrap();
    let there = here.again_after(0);
    there.track(&alice, &action("enroll", "e-1")).await.unwrap();
    (here, there, phone)
}

#[actix::test]
async fn an_account_is_used_by_turns() {
    let (here, there, _) = two().await;
    let alice = account("alice");
    for n in 0..10 {
        let tracked = here.track(&alice, &action("signIn", &format!("h-{n}"))).await.unwrap();
        assert_eq!(tracked.action.state, ActionState::ChallengeRequired);
        let again = there.track(&alice, &action("signIn", &format!("h-{n}"))).await.unwrap();
        assert_eq!(again.action, tracked.action, "the other engine knows it");
        there.track(&alice, &action("signIn", &format!("t-{n}"))).await.unwrap();
    }
    let number = here.store.account(&alice).await.unwrap().version.number;
    assert_eq!(number, 2 + 20, "two commits for the enrollment, one for each action");
}

#[actix::test]
async fn of_ends_on_two_engines_one_is_recorded_and_both_tell_it() {
    for round in 0..20 {
        let (here, there, phone) = two().await;
        let alice = account("alice");
        let challenge = here.challenge(&alice).await.unwrap();
        there.track(&alice, &challenge.action).await.unwrap();
        let cancelling = there.engine.cancel(&alice, &challenge.action, challenge.id.clone());
        let approving = here.decide(&phone, &challenge, Decision::Approve);
        let (cancelled, approved) = soon(async { tokio::join!(cancelling, approving) }).await;
        let recorded = here.store.recorded(&challenge).await.unwrap();
        assert_eq!(cancelled.as_ref(), Ok(&recorded), "round {round}");
        if recorded.outcome == Outcome::Approved {
            assert_eq!(approved, Ok(recorded));
        } else {
            assert!(matches!(approved, Err(Error::Refused(_))), "{approved:?}");
        }
        here.assert_single_outcomes();
    }
}

#[actix::test]
async fn a_number_that_meets_another_commit_is_counted_once() {
    let limits = Limits { number_match: Some(Digits::Six), ..Limits::default() };
    let here = House::with(limits.clone());
    let (alice, phone, challenge) = here.asked().await;
    let there = here.again_within(0, limits);
    let wrong = if challenge.number.as_ref().unwrap().number.reveal() == "000000" {
        "000001"
    } else {
        "000000"
    };
    for n in 1..=2 {
        there.track(&alice, &action("pay", &format!("p-{n}"))).await.unwrap();
        let told = here.approve(&phone, &challenge, wrong).await;
        assert_eq!(told, Err(Refusal::NumberWrong { last: false }.into()));
        assert_eq!(here.store.tries(&challenge).await, n);
        assert_eq!(here.store.counters(&alice).await.numbers, n);
    }
}

#[actix::test]
async fn a_limit_holds_over_two_engines_together() {
    let (here, there, _) = two().await;
    let alice = account("alice");
    let houses = [&here, &there];
    let asking =
        (0..16).map(|n| houses[n % 2].challenge_for(&alice, action("signIn", &format!("s-{n}"))));
    let asked = soon(join_all(asking)).await;
    let max = Limits::default().prompts_max;
    assert_eq!(asked.iter().filter(|a| a.is_ok()).count(), max);
    let refused = |asked: &Result<_, Error>| {
        let hold =
            matches!(asked, Err(Error::Refused(Refusal::TooManyPrompts { hold: Hold::Asked, .. })));
        hold || matches!(asked, Err(Error::Unavailable(Unavailable::AccountChanged)))
    };
    assert!(asked.iter().all(|a| a.is_ok() || refused(a)), "{asked:?}");
    assert_eq!(here.store.counters(&alice).await.prompts.len(), max);
}

#[actix::test]
async fn what_was_removed_elsewhere_is_gone_here() {
    let (here, there, phone) = two().await;
    let (alice, challenge) = (account("alice"), here.challenge(&account("alice")).await.unwrap());
    there.engine.remove_authenticator(&alice, challenge.targets[0].clone()).await.unwrap();
    let told = here.decide(&phone, &challenge, Decision::Approve).await;
    assert!(matches!(told, Err(Error::Refused(_) | Error::Misbehaved(_))), "{told:?}");
    let recorded = here.store.recorded(&challenge).await.unwrap();
    assert_eq!(recorded.outcome, Outcome::Revoked);
    assert_eq!(soon(here.outcome(&challenge)).await, Some(Outcome::Revoked));
}

#[actix::test]
async fn a_key_that_was_raised_elsewhere_decides_with_statements_alone() {
    let (here, there, phone) = two().await;
    let (alice, bob) = (account("alice"), account("bob"));
    let challenge = here.challenge(&alice).await.unwrap();
    let device = there.enroll_proven(&bob, &phone).await.unwrap();
    assert_eq!(device.signing, Signing::StatementV1);
    let told = here.decide(&phone, &challenge, Decision::Approve).await;
    assert!(told.is_err(), "{told:?}");
    assert_eq!(here.store.recorded(&challenge).await, None);
}

#[actix::test]
async fn an_account_that_always_changes_elsewhere_is_refused_in_the_end() {
    let (here, _, _) = two().await;
    let alice = account("alice");
    for _ in 0..9 {
        here.store.plan(Which::Next, Fault::Elsewhere);
    }
    let before = here.store.commits();
    let told = soon(here.track(&alice, &action("signIn", "s-1"))).await;
    assert_eq!(told.err(), Some(Unavailable::AccountChanged.into()));
    assert_eq!(here.store.commits() - before, 9, "once and eight times again");
    here.track(&alice, &action("signIn", "s-1")).await.unwrap();
    assert_eq!(here.store.reads_failing.load(Ordering::SeqCst), 0);
}
