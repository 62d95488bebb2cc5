//! Tests of the state machine of one challenge.

use ed25519_dalek::{Signer as _, SigningKey};

use super::*;
use crate::decision::{Asked, SignedDecision, verify};
use crate::device::{Device, Signing};
use crate::id::{ActionCode, IdempotencyKey, TenantId, UserId};
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

/// A decision of a device about the challenge of that seed.
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

/// A machine whose challenge device 1 has approved.
fn approved() -> (Machine, Ended) {
    let mut machine = Machine::new(challenge(1));
    let Ok(Step::Propose(ended)) =
        machine.decide(&verified(1, 1, Decision::Approve), ISSUED, &Limits::default())
    else {
        panic!("an answer in time is proposed");
    };
    machine.settle(ended.clone());
    (machine, ended)
}

#[test]
fn a_signature_over_another_challenge_is_no_decision_of_this_one() {
    let mut machine = Machine::new(challenge(1));
    let refusal = machine.decide(&verified(2, 1, Decision::Approve), ISSUED, &Limits::default());
    assert_eq!(refusal, Err(Refusal::ChallengeUnknown));
    assert_eq!(*machine.phase(), Phase::Pending);
}

#[test]
fn a_device_that_was_not_asked_learns_nothing_even_after_the_end() {
    let refused = Err(Refusal::ChallengeUnknown);
    let (decision, limits) = (verified(1, 3, Decision::Approve), Limits::default());
    assert_eq!(Machine::new(challenge(1)).decide(&decision, ISSUED, &limits), refused);
    let (mut machine, _) = approved();
    assert_eq!(machine.decide(&decision, ISSUED, &limits), refused);
}

#[test]
fn where_statements_are_asked_for_a_signed_challenge_id_is_refused() {
    let limits = Limits { signing_min: Signing::StatementV1, ..Limits::default() };
    let mut machine = Machine::new(challenge(1));
    let refusal = machine.decide(&verified(1, 1, Decision::Approve), ISSUED, &limits);
    assert_eq!(refusal, Err(Refusal::StatementRequired));
    assert_eq!(*machine.phase(), Phase::Pending);
}

#[test]
fn a_held_challenge_is_answered_after_its_release() {
    let mut machine = Machine::new(Challenge { held: true, ..challenge(1) });
    let (decision, limits) = (verified(1, 1, Decision::Approve), Limits::default());
    let refusal = machine.decide(&decision, ISSUED, &limits);
    assert_eq!(refusal, Err(Refusal::ChallengeHeld));
    assert_eq!(*machine.phase(), Phase::Pending);
    machine.learn(challenge(1));
    assert!(matches!(machine.decide(&decision, ISSUED, &limits), Ok(Step::Propose(_))));
}

#[test]
fn a_decision_is_judged_by_the_time_it_arrived() {
    let table = [(EXPIRES.minus_ms(1), true), (EXPIRES, false), (EXPIRES.plus_ms(1), false)];
    for (arrived_at, in_time) in table {
        let mut machine = Machine::new(challenge(1));
        let step = machine.decide(&verified(1, 2, Decision::Deny), arrived_at, &Limits::default());
        match step {
            Ok(Step::Propose(ended)) => {
                assert!(in_time, "{arrived_at:?}");
                assert_eq!((ended.outcome, ended.at), (Outcome::Denied, arrived_at));
                assert_eq!(ended.by, Some(device(2)));
                assert_eq!(*machine.phase(), Phase::Committing);
            }
            other => {
                assert_eq!(other, Err(Refusal::ChallengeEnded));
                assert!(!in_time, "{arrived_at:?}");
            }
        }
    }
}

#[test]
fn the_same_answer_from_the_same_device_is_told_what_is_recorded() {
    let (mut machine, ended) = approved();
    let step =
        machine.decide(&verified(1, 1, Decision::Approve), EXPIRES.plus_ms(9), &Limits::default());
    assert_eq!(step, Ok(Step::Known(ended)));
}

#[test]
fn another_answer_or_another_device_is_told_that_the_challenge_has_ended() {
    let (mut machine, _) = approved();
    let table = [(Decision::Deny, 1), (Decision::Deny, 2), (Decision::Approve, 2)];
    for (decision, by) in table {
        let step = machine.decide(&verified(1, by, decision), ISSUED, &Limits::default());
        assert_eq!(step, Err(Refusal::ChallengeEnded), "{decision:?} by {by}");
    }
}

#[test]
fn an_end_that_no_device_brought_about_answers_no_device() {
    for outcome in [Outcome::Cancelled, Outcome::Expired, Outcome::Revoked, Outcome::Superseded] {
        let ended = Some(Ended::without_device(outcome, ISSUED));
        let mut machine = Machine::new(Challenge { ended, ..challenge(1) });
        for decision in [Decision::Approve, Decision::Deny] {
            let step = machine.decide(&verified(1, 1, decision), ISSUED, &Limits::default());
            assert_eq!(step, Err(Refusal::ChallengeEnded), "{outcome:?}");
        }
    }
}

#[test]
fn expiry_waits_for_decisions_that_arrived_in_time() {
    let limits = Limits::default();
    let mut machine = Machine::new(challenge(1));
    let deadline = EXPIRES.plus_ms(limits.decision_grace_ms);
    assert_eq!(machine.deadline(&limits), deadline);
    for early in [EXPIRES, deadline.minus_ms(1)] {
        assert_eq!(machine.expire(early, &limits), None);
        assert_eq!(*machine.phase(), Phase::Pending);
    }
    let expired = Ended::without_device(Outcome::Expired, deadline);
    assert_eq!(machine.expire(deadline, &limits), Some(Step::Propose(expired)));
    assert_eq!(*machine.phase(), Phase::Committing);
}

#[test]
fn a_closed_challenge_does_not_expire() {
    let (mut machine, ended) = approved();
    assert_eq!(machine.expire(EXPIRES.plus_ms(60_000), &Limits::default()), None);
    assert_eq!(*machine.phase(), Phase::Closed(ended));
}

#[test]
fn two_proposals_may_be_made_and_the_first_record_is_kept() {
    let mut machine = Machine::new(challenge(1));
    let mut propose = |decision, by| {
        machine.decide(&verified(1, by, decision), ISSUED, &Limits::default()).map(
            |step| match step {
                Step::Propose(ended) => ended,
                Step::Known(ended) => panic!("nothing is recorded: {ended:?}"),
            },
        )
    };
    let approved = propose(Decision::Approve, 1).unwrap();
    let denied = propose(Decision::Deny, 2).unwrap();
    assert_eq!(machine.settle(denied.clone()), &denied);
    assert_eq!(machine.settle(approved), &denied);
    assert_eq!(machine.challenge().ended, Some(denied));
}

#[test]
fn a_proposal_that_was_not_recorded_leaves_the_challenge_to_be_answered() {
    let mut machine = Machine::new(challenge(1));
    let (decision, limits) = (verified(1, 1, Decision::Approve), Limits::default());
    machine.decide(&decision, ISSUED, &limits).unwrap();
    machine.unsettled();
    assert_eq!(*machine.phase(), Phase::Pending);
    assert!(machine.decide(&decision, ISSUED, &limits).is_ok());
    let (mut closed, ended) = approved();
    closed.unsettled();
    assert_eq!(*closed.phase(), Phase::Closed(ended));
}

#[test]
fn of_what_it_learns_the_first_end_is_kept() {
    let mut machine = Machine::new(challenge(1));
    machine.decide(&verified(1, 1, Decision::Approve), ISSUED, &Limits::default()).unwrap();
    let recorded = |outcome| {
        let ended = Some(Ended::without_device(outcome, ISSUED));
        Challenge { ended, ..challenge(1) }
    };
    let cancelled = recorded(Outcome::Cancelled);
    machine.learn(cancelled.clone());
    for later in [recorded(Outcome::Expired), challenge(1)] {
        machine.learn(later);
        assert_eq!(Some(machine.phase()), cancelled.ended.clone().map(Phase::Closed).as_ref());
        assert_eq!(**machine.challenge(), cancelled);
    }
}
