//! Tests of steps of the wall clock. A step expires nothing early and revives nothing; only a
//! removal depends on the wall clock.

use countersign_testkit::until;

use super::*;

/// Steps in milliseconds: a second, five hours and 400 days, forward and back.
const STEPS: [i64; 6] = [1_000, -1_000, 18_000_000, -18_000_000, 34_560_000_000, -34_560_000_000];
const DAY_MS: u64 = 24 * 3_600_000;

/// Runs a test once for each step, each time in a new world.
fn each(test: impl AsyncFn(World, i64)) {
    for step in STEPS {
        run(async |world| test(world, step).await);
    }
}

impl World {
    async fn ask(&self) -> Result<Challenge, Error> {
        let started = self.engine.start_challenge(&account(), grant(), None, true).await;
        started.map(|started| Challenge::clone(&started.challenge))
    }

    async fn decide(&self, challenge: &Challenge, decision: Decision) -> Result<Ended, Error> {
        let signed = self.phone.answer(challenge, decision);
        self.engine.decide(&self.phone.credential(), signed, self.clock.now()).await
    }

    async fn is_held(&self) -> bool {
        match self.ask().await {
            Ok(_) => false,
            Err(Error::Refused(Refusal::TooManyPrompts { .. })) => true,
            Err(error) => panic!("{error}"),
        }
    }

    async fn remove_signed_at(&self, at: UnixMillis) -> Result<(), Error> {
        let by = RemovalProof::Official(self.phone.good_bye(at));
        self.engine.remove_credential(&self.phone.credential(), by).await.map(drop)
    }
}

#[test]
fn a_challenge_is_open_for_its_time_and_no_longer() {
    each(async |world, step| {
        let challenge = world.ask().await.unwrap();
        world.clock.step(step);
        world.clock.pass(LIFETIME_MS - 1);
        assert!(world.is_pending().await, "{step}");
        assert_eq!(world.outcome(&challenge).await, None, "{step}");
        // The wall clock is corrected.
        world.clock.step(-step);
        world.clock.pass(1);
        assert!(!world.is_pending().await, "{step}");
        let late = world.decide(&challenge, Decision::Approve).await;
        assert_eq!(late, Err(Refusal::ChallengeEnded.into()), "{step}");
        world.clock.pass(GRACE_MS);
        assert_eq!(world.end(&challenge).await, Outcome::Expired, "{step}");
    });
}

#[test]
fn an_answer_in_time_counts_and_so_does_what_it_grants() {
    each(async |world, step| {
        let challenge = world.ask().await.unwrap();
        world.clock.step(step);
        let ended = world.decide(&challenge, Decision::Approve).await.unwrap();
        assert_eq!(ended.outcome, Outcome::Approved, "{step}");
        world.clock.step(-step);
        world.clock.step(-step);
        let issued_at = UnixMillis(ended.at.seconds() * 1000);
        let grant = Grant { issued_at, is_verified: true, ..grant() };
        let (_, stands) = world.engine.granted(&account(), grant).await.unwrap();
        assert!(stands, "{step}");
    });
}

#[test]
fn a_hold_lasts_for_its_time() {
    each(async |world, step| {
        let challenge = world.ask().await.unwrap();
        world.decide(&challenge, Decision::Deny).await.unwrap();
        world.clock.step(step);
        world.clock.pass(29_000);
        assert!(world.is_held().await, "{step}");
        world.clock.step(-step);
        world.clock.pass(2_000);
        assert!(!world.is_held().await, "{step}");
    });
}

#[test]
fn a_window_of_prompts_lasts_for_its_time() {
    each(async |world, step| {
        for _ in 0..5 {
            world.ask().await.unwrap();
        }
        world.clock.step(step);
        assert!(world.is_held().await, "{step}");
        world.clock.pass(898_000);
        assert!(world.is_held().await, "{step}");
        world.clock.pass(4_000);
        assert!(!world.is_held().await, "{step}");
    });
}

#[test]
fn a_nonce_serves_for_its_time() {
    each(async |world, step| {
        let key = world.phone.credential();
        for (age_ms, serves) in [(299_000, true), (301_000, false)] {
            let nonce = world.engine.nonce(&key, Signing::ChallengeId).await.unwrap().nonce;
            world.clock.step(step);
            world.clock.pass(age_ms);
            world.clock.step(-step);
            let by = Reader::Signed(world.phone.sign(&nonce.message(Purpose::Read)));
            let read = world.engine.pending(&key, by, 0).await.unwrap();
            assert_eq!(read.signed, serves, "{step} {age_ms}");
        }
    });
}

#[test]
fn what_is_tracked_again_is_the_same_action_and_new_ones_come_after_it() {
    each(async |world, step| {
        let track = || Track {
            key: action(),
            context: ActionContext::default(),
            profile: ProfilePatch::default(),
        };
        let first = world.engine.track(&account(), track()).await.unwrap();
        world.clock.step(step);
        let again = world.engine.track(&account(), track()).await.unwrap();
        assert_eq!(again.action, first.action, "{step}");
        let issued_at = UnixMillis(world.clock.now().seconds() * 1000);
        let grant = Grant { issued_at, ..grant() };
        assert!(world.engine.granted(&account(), grant).await.is_ok(), "{step}");
    });
}

#[test]
fn records_are_kept_for_their_time() {
    for step in STEPS {
        actix::System::new().block_on(async {
            let (clock, store) = (ManualClock::at(START), Arc::new(MemoryStore::default()));
            let engine = start_engine(clock.clone(), store.clone());
            let track = async |name: &str| {
                let key = sample::action_key("signIn", name);
                let (context, profile) = Default::default();
                engine.track(&account(), Track { key, context, profile }).await.unwrap();
            };
            track("old").await;
            clock.pass(2 * DAY_MS);
            track("young").await;
            clock.step(step);
            clock.pass(29 * DAY_MS);
            // A starting engine prunes once.
            let _again = start_engine(clock.clone(), store.clone());
            let query = || countersign_engine::ports::store::ActionQuery {
                from: UnixMillis(0),
                codes: Vec::new(),
                state: None,
                limit: 10,
            };
            let kept = until("it forgets", async || {
                let kept = engine.actions(&account(), query()).await.unwrap();
                (kept.len() < 2).then_some(kept)
            });
            let kept = kept.await;
            let kept: Vec<_> = kept.iter().map(|a| a.key.idempotency_key.as_str()).collect();
            assert_eq!(kept, ["young"], "{step}");
        });
    }
}

#[test]
fn a_removal_is_judged_by_the_wall_clock() {
    each(async |world, step| {
        world.clock.step(step);
        if step.unsigned_abs() > 1_200_000 {
            let by_deadlines = world.remove_signed_at(world.clock.now()).await;
            assert_eq!(by_deadlines, Err(Misbehaviour::InvalidSignature.into()), "{step}");
        }
        world.remove_signed_at(world.clock.wall()).await.unwrap();
    });
}
