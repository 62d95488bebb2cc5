//! Tests of the outbox: events are recorded with their unit, and are found when they are due.

use countersign_core::change::Write;
use countersign_core::event::Event;
use countersign_core::id::{AccountKey, EventId};
use countersign_core::outcome::Outcome;
use countersign_core::time::UnixMillis;
use countersign_engine::ports::Store;
use countersign_engine::ports::store::Committed;
use countersign_testkit::records::*;

/// Makes the event of a report of challenge `n` at the time `at`.
fn event(account: &AccountKey, n: u8, at: u64) -> Event {
    Event::of_end(&ended(&challenge(account, n, 10), Outcome::Reported, at)).unwrap()
}

async fn due(store: &impl Store, now: u64) -> Vec<Event> {
    store.due_events(UnixMillis(now), 10).await.unwrap()
}

pub(crate) async fn an_event_is_recorded_with_its_unit_or_not_at_all(store: impl Store) {
    let ann = user("ann");
    let open = challenge(&ann, 1, 10);
    recorded(&store, &ann, 0, [Write::Challenge(open.clone().into())]).await;
    let report = |at| {
        let reported = ended(&open, Outcome::Reported, at);
        [Write::Challenge(reported.into()), Write::Event(event(&ann, 1, at))]
    };
    let late = store.commit(unit(&ann, 0, report(20))).await;
    assert_eq!(late, Ok(stale(1)));
    assert_eq!(due(&store, u64::MAX).await, []);
    recorded(&store, &ann, 1, report(20)).await;
    assert_eq!(due(&store, 20).await, [event(&ann, 1, 20)]);
    let other = store.commit(unit(&ann, 2, report(21))).await;
    assert!(matches!(other, Ok(Committed::Ended { .. })));
    assert_eq!(due(&store, u64::MAX).await, [event(&ann, 1, 20)]);
    let foreign = unit(&ann, 2, [Write::Event(event(&user("bob"), 2, 20))]);
    assert!(store.commit(foreign).await.is_err());
    assert_eq!(due(&store, u64::MAX).await, [event(&ann, 1, 20)]);
}

pub(crate) async fn due_events_come_by_when_they_are_due(store: impl Store) {
    let (ann, bob) = (user("ann"), user("bob"));
    let (first, last) = (event(&ann, 1, 100), event(&ann, 2, 300));
    let second = event(&bob, 3, 200);
    let mut same = [event(&ann, 4, 400), event(&bob, 5, 400)];
    same.sort_by(|a, b| a.id.cmp(&b.id));
    let of_ann = [last.clone(), first.clone(), event(&ann, 4, 400)].map(Write::Event);
    recorded(&store, &ann, 0, of_ann).await;
    let of_bob = [second.clone(), event(&bob, 5, 400)].map(Write::Event);
    recorded(&store, &bob, 0, of_bob).await;
    assert_eq!(due(&store, 99).await, []);
    assert_eq!(due(&store, 100).await, std::slice::from_ref(&first));
    let expected = [first, second, last].into_iter().chain(same).collect::<Vec<_>>();
    assert_eq!(due(&store, 400).await, expected);
    assert_eq!(due(&store, u64::MAX).await, expected);
    for limit in 0..5 {
        let found = store.due_events(UnixMillis(400), limit).await;
        assert_eq!(found, Ok(expected[..limit].to_vec()));
    }
}

pub(crate) async fn an_event_that_is_put_off_is_due_later_and_counts_its_calls(store: impl Store) {
    let ann = user("ann");
    let event = event(&ann, 1, 100);
    recorded(&store, &ann, 0, [Write::Event(event.clone())]).await;
    let called = event.called(UnixMillis(150)).unwrap();
    store.put_off_event(&called).await.unwrap();
    assert_eq!(due(&store, 30_149).await, []);
    assert_eq!(due(&store, 30_150).await, std::slice::from_ref(&called));
    let again = called.called(UnixMillis(30_150)).unwrap();
    store.put_off_event(&again).await.unwrap();
    assert_eq!(due(&store, 30_150).await, []);
    assert_eq!(due(&store, u64::MAX).await, [again]);
}

pub(crate) async fn an_event_that_was_taken_out_stays_out(store: impl Store) {
    let ann = user("ann");
    let (told, waiting) = (event(&ann, 1, 100), event(&ann, 2, 100));
    let both = [told.clone(), waiting.clone()].map(Write::Event);
    recorded(&store, &ann, 0, both).await;
    for _ in 0..2 {
        store.remove_event(&ann, &told.id).await.unwrap();
        assert_eq!(due(&store, u64::MAX).await, std::slice::from_ref(&waiting));
        store.put_off_event(&told.called(UnixMillis(100)).unwrap()).await.unwrap();
        assert_eq!(due(&store, u64::MAX).await, std::slice::from_ref(&waiting));
    }
}

pub(crate) async fn an_event_outlives_its_account_and_raises_no_revision(store: impl Store) {
    let ann = user("ann");
    let event = event(&ann, 1, 100);
    recorded(&store, &ann, 0, [Write::Account(record()), Write::Event(event.clone())]).await;
    let called = event.called(UnixMillis(100)).unwrap();
    store.put_off_event(&called).await.unwrap();
    assert_eq!(store.account(&ann).await.unwrap().version.number, 1);
    recorded(&store, &ann, 1, [Write::RemoveAccount]).await;
    assert_eq!(due(&store, u64::MAX).await, [called]);
    store.remove_event(&ann, &event.id).await.unwrap();
    assert_eq!(store.account(&ann).await.unwrap().version.number, 2);
}

pub(crate) async fn of_events_of_one_name_each_account_has_its_own(store: impl Store) {
    let (ann, bob) = (user("ann"), user("bob"));
    let id = EventId::parse("01010101-0101-8101-8101-010101010101").unwrap();
    let of = |account, at| Event { id: id.clone(), ..event(account, 1, at) };
    recorded(&store, &ann, 0, [Write::Event(of(&ann, 100))]).await;
    recorded(&store, &bob, 0, [Write::Event(of(&bob, 200))]).await;
    store.remove_event(&ann, &id).await.unwrap();
    store.put_off_event(&of(&ann, 300)).await.unwrap();
    assert_eq!(due(&store, u64::MAX).await, [of(&bob, 200)]);
}
