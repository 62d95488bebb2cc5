//! Tests of webhook calls about a report: their content, their number, and their retries after a
//! crash. Each test wakes the search for due events by a further report instead of waiting for a
//! timer.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use countersign_core::account::Issued;
use countersign_core::challenge::Challenge;
use countersign_core::event::Event;
use countersign_core::id::ChallengeId;
use countersign_core::outcome::Decision;
use countersign_core::outcome::Outcome;
use countersign_core::policy::Limits;
use countersign_engine::ports::delivery::{DeliveryError, DeliveryResult, Offering};
use countersign_engine::ports::{Delivery, Later};
use countersign_engine::store::{MemoryStore, SqliteStore};

use crate::support::{CountsDeliveries, Fault, House, NeverDelivers, Phone, Which, account};

/// Signal that ends a process after `abort`.
const SIGABRT: i32 = 6;

fn told_by(delivery: &Arc<CountsDeliveries>) -> House {
    told(delivery.clone())
}

fn told(delivery: Arc<dyn Delivery>) -> House {
    House::over(Arc::new(MemoryStore::default()), Limits::default(), Some(delivery))
}

/// Lets a user report a challenge with this phone.
async fn report(house: &House, user: &str, phone: u8) -> Arc<Challenge> {
    let (account, phone) = (account(user), Phone::new(phone));
    house.enroll(&account, &phone).await.unwrap();
    let challenge = house.challenge(&account).await.unwrap();
    let ended = house.decide(&phone, &challenge, Decision::Report).await.unwrap();
    assert_eq!(ended.outcome, Outcome::Reported);
    challenge
}

/// Waits for `count` calls. Returns the challenge and the call number of each.
async fn calls(delivery: &CountsDeliveries, count: usize) -> Vec<(ChallengeId, u32)> {
    let told = delivery.told(count).await;
    told.into_iter().map(|event| (event.challenge, event.calls)).collect()
}

#[actix::test]
async fn an_event_that_is_not_accepted_is_told_again_after_half_a_minute_and_not_before() {
    let delivery = Arc::new(CountsDeliveries::refusing(1));
    let house = told_by(&delivery);
    let first = report(&house, "alice", 1).await;
    assert_eq!(calls(&delivery, 1).await, [(first.id.clone(), 1)]);
    house.clock.pass(29_999);
    let second = report(&house, "bob", 2).await;
    assert_eq!(calls(&delivery, 2).await[1..], [(second.id.clone(), 1)]);
    house.clock.pass(1);
    let third = report(&house, "carol", 3).await;
    let told = calls(&delivery, 4).await;
    assert!(told[2..].contains(&(first.id.clone(), 2)), "{told:?}");
    assert!(told[2..].contains(&(third.id.clone(), 1)), "{told:?}");
    let ids: Vec<_> = delivery.told(4).await.into_iter().map(|event| event.id).collect();
    assert_eq!(ids.iter().filter(|id| **id == ids[0]).count(), 2, "one event has one name");
    house.clock.pass(30_000);
    let fourth = report(&house, "dave", 4).await;
    assert_eq!(
        calls(&delivery, 5).await[4..],
        [(fourth.id.clone(), 1)],
        "what was accepted is not told"
    );
}

#[actix::test]
async fn an_event_is_told_three_times_at_most() {
    let delivery = Arc::new(CountsDeliveries::refusing(u64::MAX));
    let house = told_by(&delivery);
    let first = report(&house, "alice", 1).await;
    delivery.told(1).await;
    let mut before = 1;
    for (number, user) in (2..).zip(["bob", "carol", "dave", "erin"]) {
        house.clock.pass(30_000);
        report(&house, user, number).await;
        // The new event, and all older events that are due again.
        before += usize::from(number).min(3);
        delivery.told(before).await;
    }
    let told = calls(&delivery, before).await;
    let of_first: Vec<_> = told.iter().filter(|(id, _)| *id == first.id).map(|(_, n)| *n).collect();
    assert_eq!(of_first, [1, 2, 3]);
    assert!(house.store.events().await.iter().all(|event| event.challenge != first.id));
}

#[actix::test]
async fn an_event_that_is_due_by_a_clock_ahead_alone_is_told_once_the_clock_is_set_back() {
    let (refusing, delivery) = (CountsDeliveries::refusing(1), CountsDeliveries::default());
    let (refusing, delivery) = (Arc::new(refusing), Arc::new(delivery));
    let house = House::open();
    let ahead = house.again_with(36_000_000, Some(refusing.clone()));
    ahead.engine.recover().await.unwrap();
    let challenge = report(&ahead, "alice", 1).await;
    refusing.told(1).await;
    drop(ahead);
    let back = house.again_with(1_000, Some(delivery.clone()));
    back.engine.recover().await.unwrap();
    assert_eq!(calls(&delivery, 1).await, [(challenge.id.clone(), 2)]);
}

#[actix::test]
async fn an_event_that_waits_when_a_process_dies_is_told_by_the_next() {
    let house = told(Arc::new(NeverDelivers));
    let (alice, phone) = (account("alice"), Phone::new(1));
    // This relying party never answers notifications either, so another engine issues the
    // challenge.
    let issuing = house.again_with(0, None);
    issuing.enroll(&alice, &phone).await.unwrap();
    let challenge = issuing.challenge(&alice).await.unwrap();
    drop(issuing);
    house.decide(&phone, &challenge, Decision::Report).await.unwrap();
    let [recorded] = &*house.store.events().await else { panic!("one event is recorded") };
    assert_eq!(recorded.challenge, challenge.id);
    let delivery = Arc::new(CountsDeliveries::default());
    let next = house.again_with(30_000, Some(delivery.clone()));
    let [told] = &*delivery.told(1).await else { panic!("told once") };
    assert_eq!((&told.id, &told.challenge), (&recorded.id, &challenge.id));
    // The next search begins after the first one has handled all events that it found.
    report(&next, "bob", 2).await;
    delivery.told(2).await;
    assert!(next.store.events().await.iter().all(|event| event.challenge != challenge.id));
}

/// A relying party that aborts the process when it receives an event.
struct Dies;

impl Delivery for Dies {
    fn deliver(
        &self,
        _: &Issued,
        _: Offering,
    ) -> Later<Result<Vec<DeliveryResult>, DeliveryError>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn tell(&self, _: &Event) -> Later<Result<(), DeliveryError>> {
        std::process::abort()
    }
}

/// Variable with the path of the store's file. It is set only in the process that will abort.
const FILE: &str = "COUNTERSIGN_TEST_OUTBOX_FILE";

#[actix::test]
async fn a_report_whose_process_died_before_it_was_told_is_told_by_the_next_process() {
    if let Ok(file) = std::env::var(FILE) {
        let store = Arc::new(SqliteStore::open(Path::new(&file)).unwrap());
        let house = House::over(store, Limits::default(), Some(Arc::new(Dies)));
        report(&house, "alice", 1).await;
        // The report is answered before the event is delivered. The process waits here until the
        // delivery aborts it.
        return std::future::pending().await;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store");
    let name = "outbox::a_report_whose_process_died_before_it_was_told_is_told_by_the_next_process";
    let mut dying = Command::new(std::env::current_exe().unwrap());
    let ended = dying.args(["--exact", name]).env(FILE, &file).output().unwrap();
    assert_eq!(ended.status.signal(), Some(SIGABRT), "{ended:?}");
    let delivery = Arc::new(CountsDeliveries::default());
    let store = Arc::new(SqliteStore::open(&file).unwrap());
    let next = House::over(store, Limits::default(), None);
    let [left] = &*next.store.events().await else { panic!("one event was recorded") };
    assert_eq!((left.calls, left.due_at), (1, next.now().plus_ms(30_000)));
    let after = next.again_with(30_000, Some(delivery.clone()));
    let [told] = &*delivery.told(1).await else { panic!("told once") };
    assert_eq!((&told.id, told.calls), (&left.id, 2));
    after.engine.close().await.unwrap();
}

#[actix::test]
async fn an_event_is_told_although_the_reply_of_its_commit_was_lost() {
    let delivery = Arc::new(CountsDeliveries::default());
    let house = told_by(&delivery);
    let (alice, phone) = (account("alice"), Phone::new(1));
    house.enroll(&alice, &phone).await.unwrap();
    let challenge = house.challenge(&alice).await.unwrap();
    house.store.plan(Which::End, Fault::LostAfter);
    house.decide(&phone, &challenge, Decision::Report).await.unwrap_err();
    let other = report(&house, "bob", 2).await;
    let told = calls(&delivery, 2).await;
    assert!(
        told.contains(&(challenge.id.clone(), 1)) && told.contains(&(other.id.clone(), 1)),
        "{told:?}"
    );
}

#[actix::test]
async fn nothing_is_left_in_an_outbox_that_nobody_reads() {
    let house = House::open();
    report(&house, "alice", 1).await;
    assert_eq!(house.store.events().await, []);
}
