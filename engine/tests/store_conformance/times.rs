//! Tests of order by time, of deadlines, and of the highest time.

use countersign_core::challenge::Challenge;
use countersign_core::change::Write;
use countersign_core::outcome::Outcome;
use countersign_core::time::UnixMillis;
use countersign_engine::ports::Store;
use countersign_engine::ports::store::Committed;
use countersign_testkit::records::*;

pub(crate) async fn open_challenges_come_oldest_first(store: impl Store) {
    let ann = user("ann");
    let (older, newer) = (challenge(&ann, 9, 10), challenge(&ann, 1, 20));
    let closed = challenge(&ann, 5, 15);
    let all = [newer.clone(), closed.clone(), older.clone()];
    recorded(&store, &ann, 0, all.map(|record| Write::Challenge(record.into()))).await;
    let closed = ended(&closed, Outcome::Denied, 16);
    // Writing an open challenge again does not duplicate it.
    let again = [Write::Challenge(closed.into()), Write::Challenge(newer.clone().into())];
    recorded(&store, &ann, 1, again).await;
    assert_eq!(store.account(&ann).await.unwrap().open, [older, newer]);
}

pub(crate) async fn overdue_challenges_are_the_expired_and_the_long_held(store: impl Store) {
    let (ann, bob) = (user("ann"), user("bob"));
    let held = |n, at| Challenge { held: true, ..challenge(&ann, n, at) };
    // Challenges live for 300 ms, so at 1,000 those that were issued by 700 have expired.
    let (oldest, just_over, not_yet) =
        (challenge(&bob, 9, 650), challenge(&ann, 2, 700), challenge(&ann, 3, 701));
    let (long_held, fresh_held, released) = (held(4, 899), held(5, 900), held(6, 800));
    let closed = ended(&challenge(&ann, 7, 100), Outcome::Denied, 200);
    let all = [
        long_held.clone(),
        just_over.clone(),
        not_yet,
        fresh_held.clone(),
        released.clone(),
        closed,
    ];
    recorded(&store, &ann, 0, all.map(|record| Write::Challenge(record.into()))).await;
    recorded(&store, &bob, 0, [Write::Challenge(oldest.clone().into())]).await;
    let released = Challenge { held: false, ..released };
    recorded(&store, &ann, 1, [Write::Challenge(released.into())]).await;

    let overdue = |limit| store.overdue(UnixMillis(1_000), UnixMillis(900), limit);
    let expected = [oldest.clone(), just_over.clone(), long_held.clone()];
    assert_eq!(overdue(10).await, Ok(expected.to_vec()));
    assert_eq!(overdue(2).await, Ok(expected[..2].to_vec()));
    assert_eq!(overdue(0).await, Ok(vec![]));
    let later = store.overdue(UnixMillis(9_000), UnixMillis(9_000), 10).await.unwrap();
    let mut ids: Vec<_> = later.iter().map(|c| c.id.clone()).collect();
    ids.dedup();
    assert_eq!(ids.len(), 6, "held and expired is told once: {ids:?}");
    let end = Write::Challenge(ended(&just_over, Outcome::Expired, 1_000).into());
    recorded(&store, &ann, 2, [end]).await;
    assert_eq!(overdue(10).await, Ok(vec![oldest, long_held]));
}

pub(crate) async fn pruning_forgets_old_actions_and_long_ended_challenges(store: impl Store) {
    let ann = user("ann");
    let (old, kept) = (action(&ann, "old", 99), action(&ann, "kept", 100));
    let over = ended(&challenge(&ann, 1, 10), Outcome::Approved, 199);
    let recent = ended(&challenge(&ann, 2, 10), Outcome::Approved, 200);
    let open = challenge(&ann, 3, 10);
    let actions = [old.clone(), kept.clone()].map(|record| Write::Action(record.into()));
    recorded(&store, &ann, 0, actions).await;
    let challenges =
        [over.clone(), recent.clone(), open.clone()].map(|record| Write::Challenge(record.into()));
    recorded(&store, &ann, 1, challenges).await;

    for _ in 0..2 {
        store.prune(UnixMillis(100), UnixMillis(200)).await.unwrap();
    }
    assert_eq!(store.actions(&ann, all_actions()).await, Ok(vec![kept]));
    assert_eq!(store.action(&ann, &old.key).await, Ok(None));
    assert_eq!(store.challenge(&ann, &over.id).await, Ok(None));
    assert_eq!(store.challenge(&ann, &recent.id).await, Ok(Some(recent)));
    let snapshot = store.account(&ann).await.unwrap();
    assert_eq!((snapshot.version.number, snapshot.open), (2, vec![open]));
}

pub(crate) async fn an_action_stays_while_a_challenge_of_it_is_open(store: impl Store) {
    let ann = user("ann");
    let (old, open) = (action(&ann, "one", 10), challenge(&ann, 1, 20));
    let over = ended(&challenge(&ann, 2, 11), Outcome::Expired, 15);
    let writes = [
        Write::Action(old.clone().into()),
        Write::Challenge(over.clone().into()),
        Write::Challenge(open.clone().into()),
    ];
    recorded(&store, &ann, 0, writes).await;
    store.prune(UnixMillis(100), UnixMillis(100)).await.unwrap();
    assert_eq!(store.action(&ann, &old.key).await, Ok(Some(old.clone())));
    assert_eq!(store.account(&ann).await.unwrap().open, std::slice::from_ref(&open));
    assert_eq!(store.challenge(&ann, &over.id).await, Ok(None));
    // Its name stays taken, so that an answer to the prompt can approve no other action.
    let again = Write::Track(action(&ann, "one", 200).into());
    let known = store.commit(unit(&ann, 1, [again])).await;
    assert_eq!(known, Ok(Committed::Known(Box::new(old.clone()))));
    let closed = ended(&open, Outcome::Expired, 50);
    recorded(&store, &ann, 1, [Write::Challenge(closed.into())]).await;
    store.prune(UnixMillis(100), UnixMillis(100)).await.unwrap();
    assert_eq!(store.action(&ann, &old.key).await, Ok(None));
}

pub(crate) async fn pruning_takes_more_than_one_helping(store: impl Store) {
    let ann = user("ann");
    let old = (0..1_200).map(|n| Write::Action(action(&ann, &format!("{n}"), n).into()));
    store.commit(unit(&ann, 0, old.collect::<Vec<_>>())).await.unwrap();
    store.prune(UnixMillis(1_199), UnixMillis(0)).await.unwrap();
    assert_eq!(store.actions(&ann, all_actions()).await.unwrap().len(), 1);
}

pub(crate) async fn pruning_tells_how_many_records_it_deleted(store: impl Store) {
    let ann = user("ann");
    let old = (0..1_200).map(|n| Write::Action(action(&ann, &format!("{n}"), n).into()));
    let over = ended(&challenge(&ann, 1, 10), Outcome::Approved, 199);
    let writes = old.chain([Write::Challenge(over.into())]).collect::<Vec<_>>();
    store.commit(unit(&ann, 0, writes)).await.unwrap();
    assert_eq!(store.prune(UnixMillis(1_199), UnixMillis(200)).await, Ok(1_200));
    assert_eq!(store.prune(UnixMillis(1_199), UnixMillis(200)).await, Ok(0));
}

pub(crate) async fn times_at_the_end_of_time_are_kept(store: impl Store) {
    let ann = user("ann");
    let endless =
        Challenge { expires_at: UnixMillis(u64::MAX), ..challenge(&ann, 1, u64::MAX - 300) };
    let late = action(&ann, "late", u64::MAX);
    let writes = [Write::Challenge(endless.clone().into()), Write::Action(late.clone().into())];
    recorded(&store, &ann, 0, writes).await;
    assert_eq!(store.account(&ann).await.unwrap().open, [endless]);
    assert_eq!(store.actions(&ann, all_actions()).await, Ok(vec![late]));
    assert_eq!(store.overdue(UnixMillis(1), UnixMillis(1), 10).await, Ok(vec![]));
}

pub(crate) async fn the_highest_time_that_was_seen_is_kept(store: impl Store) {
    // The clock starts, moves forward, moves back, moves forward but stays below the highest time,
    // and then passes it.
    for (now, before) in [(5_000, 5_000), (7_000, 5_000), (6_000, 7_000), (6_500, 7_000)] {
        assert_eq!(store.observe(UnixMillis(now)).await, Ok(UnixMillis(before)), "{now}");
    }
    assert_eq!(store.observe(UnixMillis(8_000)).await, Ok(UnixMillis(7_000)));
    assert_eq!(store.observe(UnixMillis(0)).await, Ok(UnixMillis(8_000)));
}
