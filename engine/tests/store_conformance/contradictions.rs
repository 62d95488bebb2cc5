//! Tests of units that contradict a recorded end, and of units that no transition of the core
//! makes.

use countersign_core::change::Write;
use countersign_core::outcome::Outcome;
use countersign_core::time::UnixMillis;
use countersign_engine::ports::Store;
use countersign_engine::ports::store::{Committed, StoreError};
use countersign_testkit::records::*;

pub(crate) async fn the_first_end_of_a_challenge_wins_for_ever(store: impl Store) {
    let ann = user("ann");
    let open = challenge(&ann, 1, 10);
    recorded(&store, &ann, 0, [Write::Challenge(open.clone().into())]).await;
    let first = ended(&open, Outcome::Approved, 20);
    recorded(&store, &ann, 1, [Write::Challenge(first.clone().into())]).await;
    let mut others = vec![ended(&open, Outcome::Denied, 20), ended(&open, Outcome::Approved, 21)];
    let mut forged = first.clone();
    forged.ended.as_mut().unwrap().signature = Some(vec![0; 64]);
    others.push(forged);
    for other in others {
        let committed = store.commit(unit(&ann, 2, [Write::Challenge(other.into())])).await;
        let recorded = Box::new(first.ended.clone().unwrap());
        assert_eq!(committed, Ok(Committed::Ended { challenge: open.id.clone(), recorded }));
        assert_eq!(store.challenge(&ann, &open.id).await, Ok(Some(first.clone())));
    }
}

pub(crate) async fn an_end_proposed_again_is_stale_and_another_end_is_told_the_first(
    store: impl Store,
) {
    let ann = user("ann");
    let first = ended(&challenge(&ann, 1, 10), Outcome::Approved, 20);
    recorded(&store, &ann, 0, [Write::Challenge(first.clone().into())]).await;
    let again = store.commit(unit(&ann, 0, [Write::Challenge(first.clone().into())])).await;
    assert_eq!(again, Ok(stale(1)));
    let other = ended(&first, Outcome::Expired, 20);
    let other = store.commit(unit(&ann, 0, [Write::Challenge(other.into())])).await;
    let recorded = Box::new(first.ended.unwrap());
    assert_eq!(other, Ok(Committed::Ended { challenge: first.id, recorded }));
}

pub(crate) async fn an_ended_challenge_is_not_opened_again(store: impl Store) {
    let ann = user("ann");
    let open = challenge(&ann, 1, 10);
    let first = ended(&open, Outcome::Cancelled, 20);
    recorded(&store, &ann, 0, [Write::Challenge(first.into())]).await;
    let committed = store.commit(unit(&ann, 1, [Write::Challenge(open.into())])).await;
    assert!(matches!(committed, Ok(Committed::Ended { .. })), "{committed:?}");
    assert_eq!(store.account(&ann).await.unwrap().open, []);
}

pub(crate) async fn nothing_of_a_unit_with_another_end_is_written(store: impl Store) {
    let ann = user("ann");
    let first = ended(&challenge(&ann, 1, 10), Outcome::Expired, 20);
    recorded(&store, &ann, 0, [Write::Account(record()), Write::Challenge(first.clone().into())])
        .await;
    // The contradicting end is the last write. The writes before it must not be recorded either.
    let writes = [
        Write::Device(device(&ann, 1).into()),
        Write::Action(action(&ann, "one", 1).into()),
        Write::Challenge(challenge(&ann, 2, 1).into()),
        Write::Challenge(ended(&first, Outcome::Approved, 20).into()),
    ];
    let committed = store.commit(unit(&ann, 1, writes)).await;
    assert!(matches!(committed, Ok(Committed::Ended { .. })), "{committed:?}");
    let snapshot = store.account(&ann).await.unwrap();
    assert_eq!((snapshot.version.number, snapshot.devices, snapshot.open), (1, vec![], vec![]));
    assert_eq!(store.actions(&ann, all_actions()).await, Ok(vec![]));
    assert_eq!(store.challenge(&ann, &challenge_id(2)).await, Ok(None));
}

pub(crate) async fn units_that_no_transition_makes_are_refused(store: impl Store) {
    let (ann, bob) = (user("ann"), user("bob"));
    recorded(&store, &bob, 0, [Write::Challenge(challenge(&bob, 1, 10).into())]).await;
    let twice = ended(&challenge(&ann, 2, 10), Outcome::Denied, 20);
    let bad = [
        unit(&ann, 0, [Write::Device(device(&bob, 1).into())]),
        unit(&ann, 0, [Write::Action(action(&bob, "one", 1).into())]),
        unit(&ann, 0, [Write::Challenge(challenge(&bob, 3, 10).into())]),
        unit(
            &ann,
            0,
            [
                Write::Challenge(ended(&twice, Outcome::Approved, 20).into()),
                Write::Challenge(twice.clone().into()),
            ],
        ),
    ];
    for change in bad {
        let committed = store.commit(change.clone()).await;
        assert!(matches!(committed, Err(StoreError::Unavailable(_))), "{change:?}: {committed:?}");
    }
    assert_eq!(store.account(&ann).await.unwrap().version.number, 0);
    assert_eq!(store.account(&bob).await.unwrap().open, [challenge(&bob, 1, 10)]);
    assert_eq!(store.ready(), Ok(()));
}

pub(crate) async fn of_many_ends_proposed_at_once_one_is_recorded(store: impl Store) {
    let ann = user("ann");
    let open = challenge(&ann, 1, 10);
    recorded(&store, &ann, 0, [Write::Challenge(open.clone().into())]).await;
    let proposed: Vec<_> = (0..20)
        .map(|at| {
            store.commit(unit(
                &ann,
                1,
                [Write::Challenge(ended(&open, Outcome::Denied, at).into())],
            ))
        })
        .collect();
    let mut wins = 0;
    for answer in proposed {
        match answer.await.unwrap() {
            Committed::Recorded => wins += 1,
            Committed::Ended { recorded, .. } => assert_eq!(recorded.at, UnixMillis(0)),
            Committed::Stale { .. } | Committed::Known(_) => {
                panic!("the recorded end is the better answer")
            }
        }
    }
    assert_eq!(wins, 1);
}
