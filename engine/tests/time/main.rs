//! Tests of the effects of time on challenges, nonces and removals, with clocks that only the test
//! moves.
//!
//! Tests of races with an expiry are in `lifecycle`.

#![expect(clippy::unwrap_used, reason = "a test stops where its ground is missing")]

use std::collections::HashMap;
use std::sync::Arc;

use countersign_core::account::{Enroll, Grant, ProfilePatch, Snapshot, Track};
use countersign_core::action::ActionContext;
use countersign_core::challenge::{Challenge, Ended};
use countersign_core::change::{Change, CommitId, Write};
use countersign_core::device::{Device, Signing};
use countersign_core::id::{AccountKey, ActionKey};
use countersign_core::nonce::Purpose;
use countersign_core::outcome::Decision;
use countersign_core::outcome::Outcome;
use countersign_core::policy::{Limits, Unenrolled};
use countersign_core::refusal::Refusal;
use countersign_core::time::UnixMillis;
use countersign_engine::ports::store::Committed;
use countersign_engine::ports::{Clock, Store};
use countersign_engine::store::MemoryStore;
use countersign_engine::system::SystemEntropy;
use countersign_engine::{
    Engine, EngineSettings, Error, Misbehaviour, Ports, Reader, RemovalProof, Tenant, UpdateProof,
};
use countersign_testkit::clock::ManualClock;
use countersign_testkit::phone::Phone;
use countersign_testkit::sample;

mod steps;

const START: UnixMillis = UnixMillis(1_735_689_600_000);
/// The lifetime sets the actor's timers, which use real time. It is short, so that the actor often
/// reads the test's clock.
const LIFETIME_MS: u64 = 20;
const GRACE_MS: u64 = 10;
/// An engine with one user, whose device is enrolled.
struct World {
    engine: Engine,
    clock: Arc<ManualClock>,
    phone: Phone,
}

fn account() -> AccountKey {
    sample::account("u-1")
}

fn grant() -> Grant {
    Grant { action: action(), issued_at: UnixMillis(u64::MAX), is_verified: false, born: None }
}

fn action() -> ActionKey {
    sample::action_key("signIn", "k-1")
}

fn start_engine(clock: Arc<ManualClock>, store: Arc<dyn Store>) -> Engine {
    let limits = Limits {
        challenge_lifetime_ms: LIFETIME_MS,
        decision_grace_ms: GRACE_MS,
        ..Limits::default()
    };
    let (unenrolled, custom_public) = (Unenrolled::Allow, Vec::new());
    let settings = Tenant { limits, unenrolled, custom_public, delivery: None };
    let ports = Ports { store, clock, entropy: Arc::new(SystemEntropy) };
    Engine::start(&EngineSettings::default(), ports, HashMap::from([(sample::tenant(), settings)]))
}

impl World {
    async fn new() -> Self {
        Self::on(Arc::new(MemoryStore::default())).await
    }

    async fn on(store: Arc<MemoryStore>) -> Self {
        let clock = ManualClock::at(START);
        let engine = start_engine(clock.clone(), store);
        let world = Self { engine, clock, phone: Phone::new(7) };
        let track = Track {
            key: action(),
            context: ActionContext::default(),
            profile: ProfilePatch::default(),
        };
        world.engine.track(&account(), track).await.unwrap();
        let enroll = Enroll::official(world.phone.public.clone(), false);
        world.engine.enroll(&account(), grant(), enroll, None).await.unwrap();
        world
    }

    async fn start(&self) -> Challenge {
        let started = self.engine.start_challenge(&account(), grant(), None, true).await;
        Challenge::clone(&started.unwrap().challenge)
    }

    async fn approve(&self, challenge: &Challenge, arrived_at: UnixMillis) -> Result<Ended, Error> {
        let signed = self.phone.answer(challenge, Decision::Approve);
        self.engine.decide(&self.phone.credential(), signed, arrived_at).await
    }

    /// Returns the outcome of a challenge without waiting; none while it is open.
    async fn outcome(&self, challenge: &Challenge) -> Option<Outcome> {
        let verdict = self.engine.await_outcome(&account(), &action(), &challenge.id, 0).await;
        verdict.unwrap().ended().map(|ended| ended.outcome)
    }

    /// Repeats polls until a challenge has ended, and returns its outcome.
    async fn end(&self, challenge: &Challenge) -> Outcome {
        let (account, action) = (account(), action());
        loop {
            let poll = self.engine.await_outcome(&account, &action, &challenge.id, 30_000);
            if let Some(ended) = poll.await.unwrap().ended() {
                return ended.outcome;
            }
        }
    }

    async fn is_pending(&self) -> bool {
        let read = self.engine.pending(&self.phone.credential(), Reader::Stranger, 0).await;
        !read.unwrap().offers.is_empty()
    }
}

fn run(test: impl AsyncFnOnce(World)) {
    actix::System::new().block_on(async move {
        test(World::new().await).await;
    });
}

#[test]
fn a_poll_is_told_that_its_challenge_expired_after_the_grace_and_not_before() {
    run(async |world| {
        let challenge = world.start().await;
        let deadline = challenge.expires_at.plus_ms(GRACE_MS);
        world.clock.pass_until(UnixMillis(deadline.0 - 1));
        // A poll of 100 ms ends while the challenge is still open.
        let poll = world.engine.await_outcome(&account(), &action(), &challenge.id, 100).await;
        assert_eq!(poll.unwrap().challenge.ended, None);
        world.clock.pass_until(deadline);
        assert_eq!(world.end(&challenge).await, Outcome::Expired);
        assert_eq!(world.outcome(&challenge).await, Some(Outcome::Expired));
    });
}

#[test]
fn a_challenge_expires_by_the_clock_although_its_account_is_ahead() {
    actix::System::new().block_on(async {
        let store = Arc::new(MemoryStore::default());
        let world = World::on(store.clone()).await;
        let challenge = world.start().await;
        let deadline = challenge.expires_at.plus_ms(GRACE_MS);
        // Another server, whose clock is ahead, has verified a signature of the device.
        let Snapshot { version: parent, devices, .. } = store.account(&account()).await.unwrap();
        let last_verified_at = Some(deadline.plus_ms(1_000));
        let device = Device { last_verified_at, ..devices[0].clone() };
        let writes = vec![Write::Device(device.into())];
        let change = Change { account: account(), parent, id: CommitId(1), writes };
        assert_eq!(store.commit(change).await, Ok(Committed::Recorded));
        world.clock.pass_until(deadline);
        assert_eq!(world.end(&challenge).await, Outcome::Expired);
        let recorded = store.challenge(&account(), &challenge.id).await.unwrap().unwrap();
        assert_eq!(recorded.ended.unwrap().at, deadline);
    });
}

#[test]
fn an_expired_challenge_is_not_shown_and_cannot_be_answered() {
    run(async |world| {
        let challenge = world.start().await;
        assert!(world.is_pending().await);
        world.clock.pass_until(challenge.expires_at);
        assert!(!world.is_pending().await, "it is not shown even before its end is recorded");
        world.clock.pass_until(challenge.expires_at.plus_ms(GRACE_MS));
        assert_eq!(world.end(&challenge).await, Outcome::Expired);
        for arrived_at in [world.clock.now(), START] {
            let answer = world.approve(&challenge, arrived_at).await;
            assert_eq!(answer, Err(Refusal::ChallengeEnded.into()));
        }
        assert_eq!(world.outcome(&challenge).await, Some(Outcome::Expired));
        // The action can get a new challenge.
        let again = world.start().await;
        let ended = world.approve(&again, world.clock.now()).await.unwrap();
        assert_eq!(ended.outcome, Outcome::Approved);
    });
}

#[test]
fn a_cancellation_after_the_end_does_not_change_it() {
    run(async |world| {
        let challenge = world.start().await;
        world.clock.pass_until(challenge.expires_at.plus_ms(GRACE_MS));
        assert_eq!(world.end(&challenge).await, Outcome::Expired);
        let ended = world.engine.cancel(&account(), &action(), challenge.id).await.unwrap();
        assert_eq!(ended.outcome, Outcome::Expired);
    });
}

#[test]
fn a_nonce_serves_for_five_minutes() {
    run(async |world| {
        let read = async |age_ms: u64| {
            let key = world.phone.credential();
            let nonce = world.engine.nonce(&key, Signing::ChallengeId).await.unwrap().nonce;
            world.clock.pass_until(world.clock.now().plus_ms(age_ms));
            let signed = Reader::Signed(world.phone.sign(&nonce.message(Purpose::Read)));
            world.engine.pending(&key, signed, 0).await.unwrap().signed
        };
        assert!(read(299_999).await);
        assert!(!read(300_000).await);
    });
}

#[test]
fn an_update_nonce_serves_for_five_minutes() {
    run(async |world| {
        let key = world.phone.credential();
        let handout = world.engine.nonce(&key, Signing::ChallengeId).await.unwrap();
        world.clock.pass_until(START.plus_ms(300_000));
        let signature = world.phone.sign(&handout.nonce.message(Purpose::Update));
        let by = UpdateProof::Official { handle: handout.handle, signature };
        let late = world.engine.refresh(&key, by, Default::default()).await;
        assert_eq!(late.unwrap_err(), Misbehaviour::UnknownNonce.into());
    });
}

#[test]
fn a_removal_holds_for_its_window_and_the_ones_beside_it() {
    for (windows, good) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
        run(async |world| {
            let signed_at = START.0.checked_add_signed(windows * 600_000).unwrap();
            let signature = world.phone.good_bye(UnixMillis(signed_at));
            let by = RemovalProof::Official(signature);
            let removed = world.engine.remove_credential(&world.phone.credential(), by).await;
            assert_eq!(removed.is_ok(), good, "{windows}");
        });
    }
}
