//! Tests of typed numbers: each is counted before it is compared, even if a later step fails.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use countersign_core::action::ActionState;
use countersign_core::challenge::Challenge;
use countersign_core::id::AccountKey;
use countersign_core::number_match::Digits;
use countersign_core::outcome::Decision;
use countersign_core::outcome::Outcome;
use countersign_core::policy::Limits;
use countersign_core::refusal::Hold;
use countersign_core::refusal::Refusal;
use countersign_engine::store::{MemoryStore, SqliteStore};
use countersign_engine::{Error, Misbehaviour};
use futures_util::future::join_all;

use countersign_engine::Reader;

use crate::support::{Fault, House, Phone, WAIT_MS, Which, account, action, soon};

fn limits() -> Limits {
    Limits { number_match: Some(Digits::Six), ..Limits::default() }
}

fn house() -> House {
    House::with(limits())
}

fn right(challenge: &Challenge) -> String {
    challenge.number.as_ref().unwrap().number.reveal().to_owned()
}

fn wrong(challenge: &Challenge) -> String {
    let digits: u32 = right(challenge).parse().unwrap();
    format!("{:06}", (digits + 1) % 1_000_000)
}

const NUMBER_WRONG: Error = Error::Refused(Refusal::NumberWrong { last: false });
const LAST_WRONG: Error = Error::Refused(Refusal::NumberWrong { last: true });

#[actix::test]
async fn the_right_number_approves_and_clears_what_was_counted() {
    let house = house();
    let (alice, phone, challenge) = house.asked().await;
    for _ in 0..2 {
        let told = house.approve(&phone, &challenge, &wrong(&challenge)).await;
        assert_eq!(told, Err(NUMBER_WRONG));
        assert_eq!(house.outcome(&challenge).await, None);
    }
    assert_eq!(house.store.counters(&alice).await.numbers, 2);
    let ended = house.approve(&phone, &challenge, &right(&challenge)).await.unwrap();
    assert_eq!(ended.outcome, Outcome::Approved);
    assert_eq!(house.store.counters(&alice).await.numbers, 0);
    let again = house.approve(&phone, &challenge, &right(&challenge)).await.unwrap();
    assert_eq!(again.outcome, Outcome::Approved, "the same answer again is told the same");
}

#[actix::test]
async fn the_third_wrong_number_ends_the_challenge_and_tells_who_waits() {
    let house = house();
    let (alice, phone, challenge) = house.asked().await;
    let waiter = house.waiter(&challenge).await;
    for expected in [NUMBER_WRONG, NUMBER_WRONG, LAST_WRONG] {
        let told = house.approve(&phone, &challenge, &wrong(&challenge)).await;
        assert_eq!(told, Err(expected));
    }
    assert_eq!(waiter.await, Some(Outcome::Failed));
    let late = house.approve(&phone, &challenge, &right(&challenge)).await;
    assert_eq!(late, Err(Error::Refused(Refusal::ChallengeEnded)));
    let failed = house.engine.action(&alice, challenge.action.clone()).await.unwrap();
    assert_eq!(failed.state, ActionState::ChallengeFailed);
}

#[actix::test]
async fn what_is_no_validly_signed_approval_with_a_number_is_no_attempt() {
    let house = house();
    let (_, phone, challenge) = house.asked().await;
    let missing = house.decide(&phone, &challenge, Decision::Approve).await;
    assert_eq!(missing, Err(Error::Refused(Refusal::NumberMissing)));
    let mut forged = phone.typed(&challenge, &right(&challenge));
    forged.signature = Phone::new(2).typed(&challenge, &right(&challenge)).signature;
    let forged = house.send(&phone, forged).await;
    assert_eq!(forged, Err(Error::Misbehaved(Misbehaviour::InvalidSignature)));
    assert_eq!(house.store.tries(&challenge).await, 0);
    let denied = house.decide(&phone, &challenge, Decision::Deny).await.unwrap();
    assert_eq!(denied.outcome, Outcome::Denied);
    assert_eq!(house.store.tries(&challenge).await, 0);
}

/// Checks that the record of a counted number does not wake a poll of the device. The poll waits
/// for the next challenge. Meanwhile an answer to the expired one is judged, because it arrived in
/// time.
#[actix::test]
async fn a_counted_number_wakes_no_device_that_waits() {
    let house = house();
    let (_, phone, challenge) = house.asked().await;
    let arrived_at = challenge.expires_at.minus_ms(1);
    house.clock.pass(challenge.expires_at.ms_since(house.now()) + 1);
    let credential = phone.credential();
    let mut app = Box::pin(house.engine.pending(&credential, Reader::Stranger, WAIT_MS));
    assert!(poll_once(&mut app).await.is_none(), "nothing is pending any more");
    let typed = phone.typed(&challenge, &wrong(&challenge));
    let told = house.engine.decide(&credential, typed, arrived_at).await;
    assert_eq!(told, Err(NUMBER_WRONG));
    assert_eq!(house.store.tries(&challenge).await, 1);
    // The credential's actor has handled all earlier messages when it answers this request. A poll
    // that was woken would return.
    for _ in 0..3 {
        house.engine.credential(&credential, None).await.unwrap();
        assert!(poll_once(&mut app).await.is_none(), "woken although nothing is new");
    }
    house.engine.drain();
    assert!(soon(app).await.unwrap().offers.is_empty());
}

async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    poll_fn(|cx| match Pin::new(&mut *future).poll(cx) {
        Poll::Ready(answer) => Poll::Ready(Some(answer)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

#[actix::test]
async fn no_number_is_compared_before_its_count_is_recorded() {
    let house = house();
    let (_, phone, challenge) = house.asked().await;
    house.store.plan(Which::Next, Fault::LostBefore);
    let told = house.approve(&phone, &challenge, &right(&challenge)).await;
    assert!(matches!(told, Err(Error::Unavailable(_))), "{told:?}");
    assert_eq!((house.store.tries(&challenge).await, house.outcome(&challenge).await), (0, None));
    house.approve(&phone, &challenge, &right(&challenge)).await.unwrap();
}

#[actix::test]
async fn a_request_that_fails_after_it_was_counted_takes_nothing_back() {
    let house = house();
    let (alice, phone, challenge) = house.asked().await;
    for tries in 1..=3 {
        // The counted try is recorded, but the approval is not.
        house.store.plan(Which::End, Fault::LostBefore);
        let told = house.approve(&phone, &challenge, &right(&challenge)).await;
        assert!(matches!(told, Err(Error::Unavailable(_))), "{told:?}");
        assert_eq!(house.store.tries(&challenge).await, tries);
        assert_eq!(house.store.counters(&alice).await.numbers, tries);
    }
    // No further number is compared, not even after a restart.
    let after = house.again_after(1);
    let told = after.approve(&phone, &challenge, &right(&challenge)).await;
    assert_eq!(told, Err(LAST_WRONG));
    assert_eq!(after.outcome(&challenge).await, Some(Outcome::Failed));
    assert_eq!(after.store.tries(&challenge).await, 3);
    house.assert_single_outcomes();
}

/// Makes a user with a phone and five open challenges for different actions.
async fn crowd(house: &House, number: u8) -> (AccountKey, Phone, Vec<Arc<Challenge>>) {
    let (user, phone) = (account(&format!("user-{number}")), Phone::new(number));
    house.enroll(&user, &phone).await.unwrap();
    let mut challenges = Vec::new();
    for code in 0..5 {
        let key = action(&format!("code{code}"), "k-1");
        challenges.push(house.challenge_for(&user, key).await.unwrap());
    }
    (user, phone, challenges)
}

/// Sends 20 wrong numbers at once. Returns how many were compared.
async fn guess(house: &House, phone: &Phone, challenge: &Challenge) -> usize {
    let digits = wrong(challenge);
    let told = join_all((0..20).map(|_| house.approve(phone, challenge, &digits))).await;
    assert!(told.iter().all(Result::is_err));
    let compared = [Err(NUMBER_WRONG), Err(LAST_WRONG)];
    told.iter().filter(|told| compared.contains(told)).count()
}

/// Sends 1,000 wrong numbers at once: 20 for each of 50 challenges, which belong to 10 users.
/// Returns for each user how many were compared for each challenge.
async fn thousand_guesses(house: &House) -> Vec<Vec<usize>> {
    let mut users = Vec::new();
    for number in 1..=10 {
        users.push(crowd(house, number).await);
    }
    let checks = users.iter().map(|(_, phone, challenges)| {
        join_all(challenges.iter().map(|challenge| guess(house, phone, challenge)))
    });
    let checks = soon(join_all(checks)).await;
    for ((user, _, challenges), checks) in users.iter().zip(&checks) {
        let recorded = house.store.counters(user).await.numbers as usize;
        assert_eq!(recorded, checks.iter().sum::<usize>());
        for (challenge, checks) in challenges.iter().zip(checks) {
            assert_eq!(house.store.tries(challenge).await as usize, *checks);
        }
    }
    checks
}

#[actix::test]
async fn of_a_thousand_wrong_numbers_at_once_three_are_compared_for_each_challenge() {
    let house = House::with(Limits { numbers_max: 100, ..limits() });
    let checks = thousand_guesses(&house).await;
    assert_eq!(checks, vec![vec![3; 5]; 10]);
    house.assert_single_outcomes();
    let journal = house.store.journal();
    assert!(journal.values().all(|ends| ends[0].outcome == Outcome::Failed));
    assert_eq!(journal.len(), 50);
}

#[actix::test]
async fn of_a_thousand_wrong_numbers_at_once_five_are_compared_for_each_user() {
    let checks = thousand_guesses(&house()).await;
    for user in checks {
        assert_eq!(user.iter().sum::<usize>(), 5);
        assert!(user.iter().all(|checks| *checks <= 3), "{user:?}");
    }
}

#[actix::test]
async fn a_user_with_too_many_wrong_numbers_is_neither_compared_nor_asked_for_a_while() {
    let house = house();
    let (alice, phone) = (account("alice"), Phone::new(1));
    house.enroll(&alice, &phone).await.unwrap();
    let first = house.challenge(&alice).await.unwrap();
    for _ in 0..3 {
        house.approve(&phone, &first, &wrong(&first)).await.unwrap_err();
    }
    let second = house.challenge(&alice).await.unwrap();
    for _ in 0..2 {
        house.approve(&phone, &second, &wrong(&second)).await.unwrap_err();
    }
    let (hold, retry_after_ms) = (Hold::Numbers, 15 * 60_000);
    let told = house.approve(&phone, &second, &right(&second)).await;
    assert_eq!(told, Err(Error::Refused(Refusal::TooManyNumbers { hold, retry_after_ms })));
    let asked = house.challenge(&alice).await.unwrap_err();
    assert_eq!(asked, Error::Refused(Refusal::TooManyPrompts { hold, retry_after_ms }));
    house.decide(&phone, &second, Decision::Deny).await.unwrap();
}

#[actix::test]
async fn tries_are_still_counted_when_the_file_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store");
    let open = || Arc::new(SqliteStore::open(&file).unwrap());
    let before = House::over(open(), limits(), None);
    let (_, phone, challenge) = before.asked().await;
    for _ in 0..2 {
        before.approve(&phone, &challenge, &wrong(&challenge)).await.unwrap_err();
    }
    soon(before.engine.close()).await.unwrap();
    drop(before);
    let after = House::over(open(), limits(), None);
    assert_eq!(after.store.tries(&challenge).await, 2);
    let told = after.approve(&phone, &challenge, &wrong(&challenge)).await;
    assert_eq!(told, Err(LAST_WRONG));
    assert_eq!(after.outcome(&challenge).await, Some(Outcome::Failed));
    soon(after.engine.close()).await.unwrap();
}

#[actix::test]
async fn a_number_shows_itself_in_no_debug_text() {
    let house = House::over(Arc::new(MemoryStore::default()), limits(), None);
    let (_, phone, challenge) = house.asked().await;
    let pending = house.engine.pending(&phone.credential(), Reader::Stranger, 0).await.unwrap();
    let typed = phone.typed(&challenge, &right(&challenge));
    let shown = format!("{challenge:?} {pending:?} {typed:?}");
    assert!(!shown.contains(&right(&challenge)), "{shown}");
}

#[actix::test]
async fn a_lock_after_too_many_numbers_outlasts_time_and_restarts_and_holds_for_one_user() {
    let limits = Limits { numbers_lock: 4, numbers_max: 100, ..limits() };
    let house = House::with(limits.clone());
    let (alice, phone, first) = house.asked().await;
    for expected in [NUMBER_WRONG, NUMBER_WRONG, LAST_WRONG] {
        assert_eq!(house.approve(&phone, &first, &wrong(&first)).await, Err(expected));
    }
    let second = house.challenge(&alice).await.unwrap();
    assert_eq!(house.approve(&phone, &second, &wrong(&second)).await, Err(NUMBER_WRONG));
    let (hold, retry_after_ms) = (Hold::Locked, 3_600_000);
    let locked = Err(Error::Refused(Refusal::TooManyNumbers { hold, retry_after_ms }));
    assert_eq!(house.approve(&phone, &second, &right(&second)).await, locked);
    house.decide(&phone, &second, Decision::Deny).await.unwrap();
    let later = house.again_within(24 * 3_600_000, limits);
    let asked = later.challenge(&alice).await.unwrap_err();
    assert_eq!(asked, Error::Refused(Refusal::TooManyPrompts { hold, retry_after_ms }));
    let (bob, bobs) = (account("bob"), Phone::new(2));
    later.enroll(&bob, &bobs).await.unwrap();
    let other = later.challenge(&bob).await.unwrap();
    later.approve(&bobs, &other, &right(&other)).await.unwrap();
    // Without numbers, an approval is possible, and clears the count.
    let plain = later.again_within(0, Limits::default());
    let challenge = plain.challenge(&alice).await.unwrap();
    plain.decide(&phone, &challenge, Decision::Approve).await.unwrap();
    assert_eq!(plain.store.counters(&alice).await.numbers, 0);
}
