//! Invariants that must hold after a kill. Each has a function named after it, which checks one
//! lifecycle over HTTP, as the relying party, the browser and the device observe it.

use countersign_wire::names::{ActionState, Outcome};
use futures_util::{StreamExt as _, stream};

use crate::caller::{Caller, Failed};
use crate::life::{Life, Step};
use crate::server::Server;

/// Numbers of lifecycles by their progress. A test must compare them, so that it fails if nothing
/// happened.
#[must_use]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) enrolled: usize,
    pub(crate) decided: usize,
    pub(crate) removed: usize,
    pub(crate) in_flight: usize,
}

impl Counted {
    fn of(lives: &[Life]) -> Self {
        let count = |is: fn(&Life) -> bool| lives.iter().filter(|life| is(life)).count();
        Self {
            enrolled: count(|l| l.enrolling == Step::Acknowledged),
            decided: count(|l| l.deciding == Step::Acknowledged),
            removed: count(|l| l.removing == Step::Acknowledged),
            in_flight: count(|l| [l.enrolling, l.deciding, l.removing].contains(&Step::InFlight)),
        }
    }

    /// Returns the counts for users whose phones have all decided, with none removed and none in
    /// flight.
    pub(crate) fn all_decided(users: usize) -> Self {
        Self { enrolled: users, decided: users, ..Self::default() }
    }

    /// Checks that no count is zero.
    pub(crate) fn assert_of_everything(self) {
        let Self { enrolled, decided, removed, in_flight } = self;
        assert!([enrolled, decided, removed, in_flight].iter().all(|n| *n > 0), "{self:?}");
    }
}

impl std::iter::Sum for Counted {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            enrolled: sum.enrolled + one.enrolled,
            decided: sum.decided + one.decided,
            removed: sum.removed + one.removed,
            in_flight: sum.in_flight + one.in_flight,
        })
    }
}

/// Checks every invariant for every lifecycle, and counts the lifecycles by their progress.
pub(crate) async fn check(server: &Server, lives: &[Life]) -> Counted {
    let caller = &Caller::new(server.url(), None);
    let checks = stream::iter(lives).map(|life| check_one(caller, life));
    checks.buffer_unordered(16).collect::<()>().await;
    Counted::of(lives)
}

async fn check_one(caller: &Caller, life: &Life) {
    an_acknowledged_token_is_good(caller, life).await;
    an_acknowledged_enrollment_is_there(caller, life).await;
    a_removed_credential_stays_removed(caller, life).await;
    let told = a_decision_is_there_or_can_be_repeated(caller, life).await;
    a_challenge_has_at_most_one_outcome(life, &told);
    validate_says_what_was_recorded(caller, life, &told).await;
    a_removal_in_flight_can_be_repeated(caller, life).await;
}

/// Checks that an acknowledged token is valid, so that both the key that signs tokens and the
/// token's action have survived.
async fn an_acknowledged_token_is_good(caller: &Caller, life: &Life) {
    let Some(token) = &life.token else { return };
    let said = caller.validate(token).await.unwrap();
    assert_eq!(said.user_id.as_ref(), Some(&life.user), "action lost: {:?}", said.error);
    assert_eq!(said.idempotency_key.as_deref(), Some("k-1"));
    assert_eq!(caller.track(&life.user).await.unwrap().idempotency_key, "k-1");
}

async fn an_acknowledged_enrollment_is_there(caller: &Caller, life: &Life) {
    if life.removing != Step::Unasked || life.enrolling == Step::Unasked {
        return;
    }
    match caller.credential(&life.phone).await {
        Ok(found) => {
            assert_eq!(found.user_id, life.user);
            if let Some(id) = &life.authenticator {
                assert_eq!(found.user_authenticator_id, *id, "{}: another id", life.user);
            }
        }
        Err(Failed::Status(401, _)) => {
            assert_eq!(life.enrolling, Step::InFlight, "{}: enrollment lost", life.user);
        }
        Err(failed) => panic!("{}: {failed:?}", life.user),
    }
}

async fn a_removed_credential_stays_removed(caller: &Caller, life: &Life) {
    if life.removing != Step::Acknowledged {
        return;
    }
    let gone = caller.credential(&life.phone).await;
    assert!(matches!(gone, Err(Failed::Status(401, _))), "{}: removal lost {gone:?}", life.user);
    assert!(caller.authenticators(&life.user).await.unwrap().is_empty());
    if let Some(challenge) = &life.challenge {
        let refused = caller.decide(&life.phone, challenge, life.approves).await;
        assert!(matches!(refused, Err(Failed::Status(401, _))), "{}: {refused:?}", life.user);
    }
}

/// Checks that an acknowledged decision is recorded unchanged. A decision in flight may be recorded
/// or not; the device must be able to repeat it in both cases. Returns every outcome that the test
/// received, with its receiver.
async fn a_decision_is_there_or_can_be_repeated(
    caller: &Caller,
    life: &Life,
) -> Vec<(&'static str, Outcome)> {
    let mut told = life.told.clone();
    let (Some(token), Some(challenge)) = (&life.token, &life.challenge) else { return told };
    let recorded = caller.verify(token, challenge, None).await.unwrap().outcome;
    if life.deciding == Step::Acknowledged || !life.told.is_empty() {
        assert_eq!(recorded, Some(life.wanted()), "{}: decision lost", life.user);
    }
    told.extend(recorded.map(|outcome| ("verify after the start", outcome)));
    if life.removing != Step::Unasked {
        return told;
    }
    let repeated = caller.decide(&life.phone, challenge, life.approves).await.unwrap();
    told.push(("the device, asking again", repeated.outcome));
    let other = caller.decide(&life.phone, challenge, !life.approves).await;
    assert!(matches!(other, Err(Failed::Status(400, _))), "{}: {other:?}", life.user);
    let waited = caller.verify(token, challenge, Some(30)).await.unwrap();
    told.extend(waited.outcome.map(|outcome| ("a waiter after that", outcome)));
    assert_eq!(waited.outcome, Some(life.wanted()), "{}: decision not recorded", life.user);
    told
}

fn a_challenge_has_at_most_one_outcome(life: &Life, told: &[(&'static str, Outcome)]) {
    let one = told.iter().all(|(_, outcome)| *outcome == told[0].1);
    assert!(one, "{}: outcomes differ: {told:?}", life.user);
}

async fn validate_says_what_was_recorded(
    caller: &Caller,
    life: &Life,
    told: &[(&'static str, Outcome)],
) {
    let Some(token) = &life.token else { return };
    let said = caller.validate(token).await.unwrap();
    let approved = told.first().is_some_and(|(_, outcome)| *outcome == Outcome::Approved);
    match life.removing {
        Step::Unasked => {
            assert_eq!(said.is_valid, approved, "{}: validate says otherwise", life.user);
            let before = life.valid.unwrap_or(approved);
            assert_eq!(said.is_valid, before, "{}: validate changed its mind", life.user);
        }
        Step::InFlight => {}
        // An approval loses its validity when its authenticator is removed.
        Step::Acknowledged => assert!(!said.is_valid, "{}: it outlives its device", life.user),
    }
    if told.iter().any(|(_, outcome)| *outcome == Outcome::Denied) {
        assert_eq!(said.state, Some(ActionState::ChallengeFailed));
    }
}

async fn a_removal_in_flight_can_be_repeated(caller: &Caller, life: &Life) {
    if life.removing != Step::InFlight {
        return;
    }
    match caller.remove(&life.phone).await {
        Ok(_) | Err(Failed::Status(401, _)) => {}
        Err(failed) => panic!("{}: {failed:?}", life.user),
    }
    let gone = caller.credential(&life.phone).await;
    assert!(matches!(gone, Err(Failed::Status(401, _))), "{}: still there", life.user);
}
