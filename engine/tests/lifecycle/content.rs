//! Tests of an action's content. It cannot change after it was tracked, and its approved text is
//! reported, even after a restart.

use std::sync::Arc;

use countersign_core::account::{ProfilePatch, Track, Tracked};
use countersign_core::action::ActionContext;
use countersign_core::id::ActionKey;
use countersign_core::outcome::Decision;
use countersign_core::policy::Limits;
use countersign_core::refusal::Refusal;
use countersign_engine::Error;
use countersign_engine::ports::Store;
use countersign_engine::store::{MemoryStore, SqliteStore};

use crate::support::{House, Phone, account, action, grant, soon};

const TEN: &str = r#"{"amount":1000}"#;
const MORE: &str = r#"{"amount":99999900}"#;

async fn track(house: &House, key: &ActionKey, custom: &str) -> Result<Tracked, Error> {
    let context = ActionContext { custom: Some(custom.into()), ..ActionContext::default() };
    let track = Track { key: key.clone(), context, profile: ProfilePatch::default() };
    house.engine.track(&account("alice"), track).await
}

/// Approves a payment of ten with a statement. Checks that it stays a payment of ten for every
/// later engine. `open` opens the same store again.
async fn pays(open: impl Fn() -> Arc<dyn Store>) {
    let (alice, phone, key) = (account("alice"), Phone::new(1), action("pay", "order-1"));
    let other = Err(Error::Refused(Refusal::OtherContent));
    let before = House::over(open(), Limits::default(), None);
    let device = before.enroll_proven(&alice, &phone).await.unwrap();
    let first = track(&before, &key, TEN).await.unwrap();
    assert_eq!(first.action.approved, None);
    let started = before.engine.start_challenge(&alice, grant(key.clone()), None, true).await;
    let challenge = started.unwrap().challenge;
    let shown = challenge.shown.as_ref().unwrap().display.clone();
    assert!(shown.as_str().contains(r#""custom":{"amount":1000}"#), "{}", shown.as_str());
    let answer = phone.state(&challenge, &device.id, Decision::Approve, None);
    before.send(&phone, answer).await.unwrap();
    assert_eq!(track(&before, &key, MORE).await.map(drop), other);
    soon(before.engine.close()).await.unwrap();
    drop(before);
    let after = House::over(open(), Limits::default(), None);
    assert_eq!(track(&after, &key, MORE).await.map(drop), other);
    let again = track(&after, &key, TEN).await.unwrap().action;
    assert_eq!(again.approved, Some(shown));
    assert_eq!(again.birth(), first.action.birth());
    soon(after.engine.close()).await.unwrap();
}

#[actix::test]
async fn a_payment_stays_what_it_was_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store");
    pays(|| Arc::new(SqliteStore::open(&file).unwrap())).await;
}

#[actix::test]
async fn a_payment_stays_what_it_was_in_memory() {
    let store = Arc::new(MemoryStore::default());
    let (alice, phone, key) = (account("alice"), Phone::new(1), action("pay", "order-1"));
    let house = House::over(store, Limits::default(), None);
    track(&house, &key, TEN).await.unwrap();
    // The second engine reads the action from the store, because it has none in memory.
    let after = house.again_after(1);
    let other = Err(Error::Refused(Refusal::OtherContent));
    assert_eq!(track(&after, &key, MORE).await.map(drop), other);
    let device = after.enroll_proven(&alice, &phone).await.unwrap();
    let started = after.engine.start_challenge(&alice, grant(key.clone()), None, true).await;
    let challenge = started.unwrap().challenge;
    let answer = phone.state(&challenge, &device.id, Decision::Approve, None);
    after.send(&phone, answer).await.unwrap();
    let last = after.again_after(1);
    let approved = last.engine.action(&alice, key).await.unwrap().approved.clone();
    assert_eq!(approved, challenge.shown.clone().map(|shown| shown.display));
}
