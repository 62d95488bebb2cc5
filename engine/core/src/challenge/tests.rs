//! Tests of the functions that depend on a challenge's record alone.

use ed25519_dalek::{Signer as _, SigningKey};

use super::*;
use crate::decision::VerifiedDecision;
use crate::decision::{Asked, SignedDecision, verify};
use crate::device::{Device, Signing};
use crate::id::{ActionCode, IdempotencyKey, TenantId, UserId};
use crate::number_match::Number;
use crate::outcome::Decision;
use crate::refusal::Refusal;
use crate::signature::{Algorithm, PublicKey};

const ISSUED: UnixMillis = UnixMillis(1_735_689_600_000);
const EXPIRES: UnixMillis = UnixMillis(1_735_689_900_000);

fn challenge(seed: u8) -> Challenge {
    let tenant = TenantId::parse("demo").unwrap();
    Challenge {
        id: ChallengeId::from_entropy(&[seed; 24]),
        account: AccountKey { tenant, user: UserId::parse("user").unwrap() },
        action: ActionKey {
            code: ActionCode::parse("signIn").unwrap(),
            idempotency_key: IdempotencyKey::parse("a").unwrap(),
        },
        targets: vec![device(1), device(2)],
        issued_at: ISSUED,
        expires_at: EXPIRES,
        held: false,
        notifications: 0,
        ended: None,
        number: None,
        shown: None,
    }
}

fn device(seed: u8) -> AuthenticatorId {
    AuthenticatorId::from_entropy([seed; 16])
}

/// Makes a verified decision of device `by` about the challenge of seed `seed`.
fn verified(seed: u8, by: u8, decision: Decision) -> VerifiedDecision {
    let signer = SigningKey::from_bytes(&[7; 32]);
    let prefix = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    let spki = [&prefix[..], signer.verifying_key().as_bytes()].concat();
    let key = PublicKey::from_spki(Algorithm::Ed25519, &spki).unwrap();
    let mut asked = challenge(seed);
    asked.targets.push(device(by));
    let binding = Device {
        id: device(by),
        account: asked.account.clone(),
        key,
        signing: Signing::ChallengeId,
        confirmed: false,
        name: None,
        platform: None,
        push_token: None,
        created_at: ISSUED,
        verified_at: ISSUED,
        last_verified_at: None,
    };
    let id = asked.id.clone();
    let signature = signer.sign(id.as_str().as_bytes()).to_bytes().to_vec();
    let signed = SignedDecision { challenge: id, decision, number: None, signature };
    let bindings = [binding];
    let asked = Asked::among(&bindings, &asked, Signing::ChallengeId).unwrap();
    verify(asked, signed).unwrap()
}

/// Makes the challenge of seed 1, approved by device 1, and returns it with its end.
fn approved() -> (Challenge, Ended) {
    let decision = verified(1, 1, Decision::Approve);
    let ended = Ended {
        outcome: Outcome::Approved,
        at: ISSUED,
        by: Some(device(1)),
        signature: Some(decision.signature().to_vec()),
    };
    (Challenge { ended: Some(ended.clone()), ..challenge(1) }, ended)
}

#[test]
fn an_open_challenge_answers_no_decision_itself() {
    assert_eq!(challenge(1).repeated(&verified(1, 1, Decision::Approve)), None);
}

#[test]
fn a_signature_over_another_challenge_is_no_decision_of_this_one() {
    let (closed, _) = approved();
    let answer = closed.repeated(&verified(2, 1, Decision::Approve));
    assert_eq!(answer, Some(Err(Refusal::ChallengeUnknown)));
}

#[test]
fn a_device_that_was_not_asked_learns_nothing_even_after_the_end() {
    let (closed, _) = approved();
    let answer = closed.repeated(&verified(1, 3, Decision::Approve));
    assert_eq!(answer, Some(Err(Refusal::ChallengeUnknown)));
}

#[test]
fn the_same_answer_from_the_same_device_is_told_what_is_recorded() {
    let (closed, ended) = approved();
    assert_eq!(closed.repeated(&verified(1, 1, Decision::Approve)), Some(Ok(ended)));
}

#[test]
fn another_answer_or_another_device_is_told_that_the_challenge_has_ended() {
    let (closed, _) = approved();
    let table = [(Decision::Deny, 1), (Decision::Deny, 2), (Decision::Approve, 2)];
    for (decision, by) in table {
        let answer = closed.repeated(&verified(1, by, decision));
        assert_eq!(answer, Some(Err(Refusal::ChallengeEnded)), "{decision:?} by {by}");
    }
}

#[test]
fn an_end_that_no_device_brought_about_answers_no_device() {
    for outcome in [Outcome::Cancelled, Outcome::Expired, Outcome::Revoked, Outcome::Superseded] {
        let ended = Some(Ended::without_device(outcome, ISSUED));
        let closed = Challenge { ended, ..challenge(1) };
        for decision in [Decision::Approve, Decision::Deny] {
            let answer = closed.repeated(&verified(1, 1, decision));
            assert_eq!(answer, Some(Err(Refusal::ChallengeEnded)), "{outcome:?}");
        }
    }
}

#[test]
fn the_deadline_leaves_decisions_that_arrived_in_time_their_grace() {
    let limits = Limits::default();
    assert_eq!(challenge(1).deadline(&limits), EXPIRES.plus_ms(limits.decision_grace_ms));
}

#[test]
fn of_what_it_learns_the_first_end_is_kept() {
    let mut known = Arc::new(Challenge { held: true, ..challenge(1) });
    let recorded = |outcome| {
        let ended = Some(Ended::without_device(outcome, ISSUED));
        Arc::new(Challenge { ended, ..challenge(1) })
    };
    known.learn(challenge(1).into());
    assert_eq!(*known, challenge(1), "released");
    let cancelled = recorded(Outcome::Cancelled);
    known.learn(cancelled.clone());
    for later in [recorded(Outcome::Expired), challenge(1).into()] {
        known.learn(later);
        assert_eq!(known, cancelled);
    }
}

#[test]
fn a_counted_number_is_told_from_every_other_change() {
    let asked = |tries| {
        let number = Some(AskedNumber { number: Number::restore("42"), tries });
        Challenge { number, ..challenge(1) }
    };
    assert!(asked(1).has_counted_since(&asked(0)));
    assert!(!asked(1).has_counted_since(&asked(1)));
    assert!(!challenge(1).has_counted_since(&challenge(1)));
    let fewer = Challenge { targets: vec![device(2)], ..asked(1) };
    assert!(!fewer.has_counted_since(&asked(1)));
    let released = Challenge { held: true, ..asked(0) };
    assert!(!asked(0).has_counted_since(&released));
    let failed = Some(Ended::without_device(Outcome::Failed, ISSUED));
    let failed = Challenge { ended: failed, ..asked(3) };
    assert!(!failed.has_counted_since(&asked(2)), "an end is told");
}
