//! Tests of keys that sign statements: with restarts, with crashes, and with other users' keys.

use std::sync::Arc;

use countersign_core::challenge::Challenge;
use countersign_core::device::Device;
use countersign_core::number_match::Digits;
use countersign_core::outcome::Decision;
use countersign_core::outcome::Outcome;
use countersign_core::policy::Limits;
use countersign_core::refusal::Refusal;
use countersign_engine::store::SqliteStore;
use countersign_engine::{Error, Misbehaviour, Reader};

use crate::support::{House, Phone, account, action, grant, soon};

const BAD_SIGNATURE: Error = Error::Misbehaved(Misbehaviour::InvalidSignature);

/// Makes a user whose phone signs statements, and starts a challenge for that phone.
async fn asked(house: &House) -> (Phone, Arc<Device>, Arc<Challenge>) {
    let (alice, phone) = (account("alice"), Phone::new(1));
    let device = house.enroll_proven(&alice, &phone).await.unwrap();
    let challenge = house.challenge(&alice).await.unwrap();
    (phone, device, challenge)
}

#[actix::test]
async fn a_challenge_is_stored_with_all_that_its_statement_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store");
    let open = || Arc::new(SqliteStore::open(&file).unwrap());
    let before = House::over(open(), Limits::default(), None);
    let (phone, device, challenge) = asked(&before).await;
    soon(before.engine.close()).await.unwrap();
    drop(before);
    let after = House::over(open(), Limits::default(), None);
    let read = after.read(&phone).await.unwrap();
    assert_eq!(read.offers[0].1.challenge.shown, challenge.shown);
    let less = after.decide(&phone, &challenge, Decision::Approve).await;
    assert_eq!(less, Err(BAD_SIGNATURE), "what a key signs is stored");
    let answer = phone.state(&challenge, &device.id, Decision::Approve, None);
    let ended = after.send(&phone, answer.clone()).await.unwrap();
    assert_eq!((ended.outcome, ended.by), (Outcome::Approved, Some(device.id.clone())));
    let again = after.send(&phone, answer).await.unwrap();
    assert_eq!(again.outcome, Outcome::Approved, "the same answer again is told the same");
    after.assert_single_outcomes();
    soon(after.engine.close()).await.unwrap();
}

#[actix::test]
async fn a_statement_that_comes_late_decides_nothing() {
    let house = House::open();
    let (phone, device, challenge) = asked(&house).await;
    let answer = phone.state(&challenge, &device.id, Decision::Approve, None);
    let key = phone.credential();
    let late = house.engine.decide(&key, answer.clone(), challenge.expires_at).await;
    assert_eq!(late, Err(Error::Refused(Refusal::ChallengeEnded)));
    // The challenge is over before the next engine starts, and that engine expires it.
    let after = house.again_after(301_000);
    let late = after.send(&phone, answer).await;
    assert_eq!(late, Err(Error::Refused(Refusal::ChallengeEnded)));
    house.assert_single_outcomes();
}

/// Checks that only a signed number counts as an attempt, so that only the holder of the key can
/// use attempts up.
#[actix::test]
async fn of_all_mixtures_of_two_challenges_only_the_matching_ones_are_recorded() {
    let limits = Limits { number_match: Some(Digits::Six), ..Limits::default() };
    let house = House::with(limits);
    let (alice, phones) = (account("alice"), [Phone::new(1), Phone::new(2)]);
    let mut devices = Vec::new();
    for phone in &phones {
        devices.push(house.enroll_proven(&alice, phone).await.unwrap());
    }
    let mut challenges = Vec::new();
    for (code, device) in [("pay", &devices[0]), ("signIn", &devices[1])] {
        let key = action(code, "a");
        house.track(&alice, &key).await.unwrap();
        let target = Some(device.id.clone());
        let started = house.engine.start_challenge(&alice, grant(key), target, true).await.unwrap();
        challenges.push(started.challenge);
    }
    let right = |n: usize| challenges[n].number.as_ref().unwrap().number.reveal();
    assert_ne!(right(0), right(1));
    for mixture in 1..31_usize {
        let pick = |bit: usize| mixture >> bit & 1;
        let mut mixed = Challenge::clone(&challenges[pick(0)]);
        let shown = mixed.shown.as_mut().unwrap();
        shown.nonce = challenges[pick(1)].shown.clone().unwrap().nonce;
        shown.display = challenges[pick(2)].shown.clone().unwrap().display;
        let (phone, by) = (&phones[pick(3)], &devices[pick(3)].id);
        let answer = phone.state(&mixed, by, Decision::Approve, Some(right(pick(4))));
        let told = house.send(phone, answer).await;
        let signed = (1..4).all(|bit| pick(bit) == pick(0));
        let number_wrong = Error::Refused(Refusal::NumberWrong { last: false });
        let expected = if signed { number_wrong } else { BAD_SIGNATURE };
        assert_eq!(told, Err(expected), "mixture {mixture:05b}");
    }
    for (n, challenge) in challenges.iter().enumerate() {
        assert_eq!(house.outcome(challenge).await, None);
        assert_eq!(house.store.tries(challenge).await, 1, "the one that was signed");
        let (phone, by) = (&phones[n], &devices[n].id);
        let answer = phone.state(challenge, by, Decision::Approve, Some(right(n)));
        assert_eq!(house.send(phone, answer).await.unwrap().outcome, Outcome::Approved);
    }
}

/// Checks that a key that is not a target of a challenge gets no information about it, even with
/// the challenge's id.
#[actix::test]
async fn a_key_that_was_not_asked_is_told_nothing_of_a_challenge() {
    let house = House::open();
    let (_, _, challenge) = asked(&house).await;
    let mallory = Phone::new(9);
    let device = house.enroll_proven(&account("mallory"), &mallory).await.unwrap();
    let answer = mallory.state(&challenge, &device.id, Decision::Approve, None);
    assert_eq!(house.send(&mallory, answer.clone()).await, Err(BAD_SIGNATURE));
    let mut unknown = answer;
    unknown.challenge = countersign_core::id::ChallengeId::from_entropy(&[9; 24]);
    assert_eq!(house.send(&mallory, unknown).await, Err(BAD_SIGNATURE));
    assert_eq!(house.outcome(&challenge).await, None);
}

#[actix::test]
async fn an_owner_keeps_its_place_over_a_restart_and_gets_it_back_by_enrolling() {
    let house = House::open();
    let (alice, phone) = (account("alice"), Phone::new(1));
    house.enroll(&alice, &phone).await.unwrap();
    let challenge = house.challenge(&alice).await.unwrap();
    for n in 0..5 {
        house.clock.pass(1);
        house.enroll(&account(&format!("stranger-{n}")), &phone).await.unwrap();
    }
    // The phone has approved nothing for this user, and five other users have enrolled its key
    // since.
    let refused = house.decide(&phone, &challenge, Decision::Approve).await;
    assert_eq!(refused, Err(Error::Refused(Refusal::ChallengeUnknown)));
    assert_eq!(house.engine.user(&alice).await.unwrap().devices.len(), 1, "it stays enrolled");
    house.clock.pass(1);
    house.enroll(&alice, &phone).await.unwrap();
    let read = house.engine.pending(&phone.credential(), Reader::Stranger, 0).await.unwrap();
    assert_eq!(read.offers[0].1.challenge.id, challenge.id, "what waited is there again");
    house.decide(&phone, &challenge, Decision::Approve).await.unwrap();
    // The phone has approved a challenge for this user, so that other users' enrollments no longer
    // displace this one.
    let second = house.challenge_for(&alice, action("signIn", "s-2")).await.unwrap();
    for n in 5..12 {
        house.clock.pass(1);
        house.enroll(&account(&format!("stranger-{n}")), &phone).await.unwrap();
    }
    let after = house.again_after(1);
    after.decide(&phone, &second, Decision::Approve).await.unwrap();
}

#[actix::test]
async fn a_place_that_becomes_free_goes_to_the_newest_that_has_none() {
    let house = House::open();
    let phone = Phone::new(1);
    let mut devices = Vec::new();
    for n in 0..6 {
        house.clock.pass(1);
        devices.push(house.enroll(&account(&format!("user-{n}")), &phone).await.unwrap());
    }
    let first = account("user-0");
    let challenge = house.challenge(&first).await.unwrap();
    let read = async || {
        let read = house.engine.pending(&phone.credential(), Reader::Stranger, 0).await;
        read.unwrap().offers.len()
    };
    assert_eq!(read().await, 0);
    let removed = devices[5].id.clone();
    house.engine.remove_authenticator(&account("user-5"), removed).await.unwrap();
    assert_eq!(read().await, 1);
    house.decide(&phone, &challenge, Decision::Approve).await.unwrap();
}

#[actix::test]
async fn what_a_key_signs_rises_for_users_that_it_has_no_place_for() {
    let house = House::open();
    let phone = Phone::new(1);
    for n in 0..7 {
        house.clock.pass(1);
        house.enroll(&account(&format!("user-{n}")), &phone).await.unwrap();
    }
    house.enroll_proven(&account("owner"), &phone).await.unwrap();
    for n in 0..7 {
        let user = house.engine.user(&account(&format!("user-{n}"))).await.unwrap();
        assert_eq!(user.devices[0].signing.name(), "statement-v1");
    }
}
