//! Tests of many lifecycles at once, over a store in which one commit in four has a fault.

use std::sync::Arc;

use countersign_core::challenge::{Challenge, Ended};
use countersign_core::outcome::Decision;
use countersign_core::outcome::Outcome;
use countersign_engine::Error;
use countersign_testkit::random::Seeded;
use futures_util::future::join_all;

use crate::support::{Fault, House, Phone, WAIT_MS, Which, account, soon};

const USERS: usize = 60;
const SEEDS: u64 = 6;

/// Repeats a call until the store records it. Retries only after [`Error::Unavailable`].
async fn insist<T, F>(mut ask: impl FnMut() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    for _ in 0..100 {
        match ask().await {
            Err(Error::Unavailable(_)) => {}
            answered => return answered,
        }
    }
    panic!("the store does not recover");
}

/// Checks that an end that a caller was told is the recorded one.
async fn is_recorded(house: &House, challenge: &Challenge, told: &Ended) {
    let recorded = house.store.recorded(challenge).await;
    assert_eq!(recorded.as_ref(), Some(told), "told and not recorded");
}

async fn live(house: &House, user: usize, random: &Seeded) {
    let (alice, phone) = (account(&format!("user-{user}")), Phone::new(user as u8));
    insist(|| house.enroll(&alice, &phone)).await.unwrap();
    let challenge = insist(|| house.challenge(&alice)).await.unwrap();
    let polling = async {
        let verdict = insist(|| house.poll(&challenge, WAIT_MS)).await.unwrap();
        is_recorded(house, &challenge, verdict.ended().expect("told of the end")).await;
    };
    let wanted = if random.below(2) == 0 { Decision::Approve } else { Decision::Deny };
    let cancels = random.below(4) == 0;
    let deciding = async {
        match insist(|| house.decide(&phone, &challenge, wanted)).await {
            Ok(ended) => {
                assert_eq!(ended.outcome, wanted.outcome());
                is_recorded(house, &challenge, &ended).await;
            }
            Err(error) => assert!(cancels, "refused without a reason: {error}"),
        }
    };
    let cancelling = async {
        if cancels {
            let cancel = || house.engine.cancel(&alice, &challenge.action, challenge.id.clone());
            let ended = insist(cancel).await.unwrap();
            assert!(ended.outcome == Outcome::Cancelled || ended.outcome == wanted.outcome());
            is_recorded(house, &challenge, &ended).await;
        }
    };
    tokio::join!(polling, deciding, cancelling);
}

#[actix::test]
async fn whatever_the_store_does_nobody_is_told_what_is_not_recorded() {
    for seed in 0..SEEDS {
        let random = Arc::new(Seeded::new(seed));
        let house = House::open();
        for _ in 0..USERS {
            let fault = match random.below(3) {
                0 => Fault::LostBefore,
                1 => Fault::LostAfter,
                _ => Fault::Twice,
            };
            let skipped = usize::try_from(random.below(8)).unwrap();
            house.store.plan_after(skipped, Which::Next, fault);
        }
        soon(join_all((0..USERS).map(|user| live(&house, user, &random)))).await;
        house.assert_single_outcomes();
        // The store may have more records than users: if the reply to a start was lost, the retry
        // replaced the challenge.
        assert!(house.store.journal().len() >= USERS, "seed {seed}");
        soon(house.engine.close()).await.unwrap();
    }
}
