//! Tests of clocks that are changed while a server runs, or between two runs, as callers observe
//! them.

use std::sync::Arc;

use countersign_core::possession::removal_text_at;
use countersign_core::time::UnixMillis;
use countersign_engine::ports::Clock;
use countersign_testkit::clock::ManualClock;
use serde_json::{Value, json};

use crate::support::{Device, PUSH, Server, Setup, SignIn};

/// Changes of the clock, in milliseconds: one second, five hours and 400 days, forward and back.
const STEPS: [i64; 6] = [1_000, -1_000, 18_000_000, -18_000_000, 34_560_000_000, -34_560_000_000];
/// Lifetime of a token, in milliseconds.
const TOKEN_MS: u64 = 600_000;
const HOURS_MS: i64 = 18_000_000;

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_sign_in_goes_on_when_the_clock_is_set() {
    for step in STEPS {
        let clock = ManualClock::running();
        let it = SignIn::on(Setup::default().start_at(clock.clone()), Device::new()).await;
        clock.step(step);
        let seen = it.server.signed_pending(&it.device).await;
        assert_eq!(seen["challengeId"], *it.challenge, "{step}");
        assert_eq!(it.decide(true).await["isVerified"], true, "{step}");
        let outcome = it.outcome().await;
        assert_eq!(outcome["isVerified"], true, "{step}: {outcome}");
        clock.step(-2 * step);
        for token in [&it.token, &text(&outcome["accessToken"])] {
            let valid = it.server.validate(token).ok().await;
            assert_eq!(valid["isValid"], true, "{step}: {valid}");
        }
        // A repeated `track` of the same action gives a valid token.
        let name = text(&it.server.validate(&it.token).ok().await["idempotencyKey"]);
        let again = it.server.track("u-1", json!({ "idempotencyKey": name })).await;
        assert_eq!(again["state"], "CHALLENGE_SUCCEEDED", "{step}");
        let valid = it.server.validate(&text(&again["token"])).ok().await;
        assert_eq!(valid["isValid"], true, "{step}: {valid}");
    }
}

#[tokio::test]
async fn a_token_ends_with_its_life_wherever_the_clock_is_set_to() {
    for step in STEPS {
        let clock = ManualClock::running();
        let server = Setup::default().start_at(clock.clone());
        let token = server.token("u-1").await;
        clock.step(step);
        clock.pass(TOKEN_MS - 2_000);
        assert_eq!(server.validate(&token).ok().await["actionCode"], "signIn", "{step}");
        clock.step(-step);
        clock.pass(4_000);
        for set in [0, step, -2 * step] {
            clock.step(set);
            let over = server.validate(&token).ok().await;
            assert_eq!(over["isValid"], false, "{step}");
            assert_eq!(over["error"], "the token's lifetime is over", "{step}: {over}");
        }
    }
}

#[tokio::test]
async fn a_challenge_that_was_begun_by_a_clock_ahead_ends_in_time() {
    for step in STEPS {
        let clock = ManualClock::wrong_by(step);
        let it = SignIn::on(Setup::default().start_at(clock.clone()), Device::new()).await;
        clock.step(-step);
        clock.pass(298_000);
        assert_eq!(it.server.signed_pending(&it.device).await["challengeId"], *it.challenge);
        clock.pass(4_000);
        let late = it.server.decide(&it.device, &it.challenge, true);
        late.refused(400, "invalid_request").await;
    }
}

#[tokio::test]
async fn a_device_session_lives_for_its_time() {
    for step in STEPS {
        let clock = ManualClock::running();
        let server = Setup::default().start_at(clock.clone());
        let device = Device::ed25519();
        server.enroll_stated("u-1", &device).await;
        let session = server.session(&device).await;
        clock.step(step);
        clock.pass(897_000);
        server.read(&session).ok().await;
        clock.step(-step);
        clock.pass(5_000);
        server.read(&session).refused(401, "expired_token").await;
        clock.step(-step.abs());
        server.read(&session).refused(401, "expired_token").await;
    }
}

#[tokio::test]
async fn the_date_of_an_answer_is_one_that_deadlines_can_be_compared_with() {
    let clock = ManualClock::running();
    let server = Setup::default().start_at(clock.clone());
    clock.step(HOURS_MS);
    let answer = server.get("/").send().await;
    let date = httpdate_seconds(answer.header("date").unwrap());
    assert!(date.abs_diff(clock.now().seconds()) <= 2, "{date}");
}

fn httpdate_seconds(date: &str) -> u64 {
    let parsed: actix_web::http::header::HttpDate = date.parse().unwrap();
    let time: std::time::SystemTime = parsed.into();
    time.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

#[tokio::test]
async fn a_removal_follows_the_wall_clock() {
    let clock = ManualClock::running();
    let it = SignIn::on(Setup::default().start_at(clock.clone()), Device::new()).await;
    clock.step(HOURS_MS);
    let remove = |at: UnixMillis| {
        let signature = it.device.sign(&removal_text_at(at));
        let body = json!({ "publicKey": it.device.public_key(), "signature": signature });
        let call = it.server.post(&format!("{PUSH}/remove"));
        call.header("Authorization", &it.device.basic("demo")).json(&body)
    };
    remove(clock.now()).refused(401, "invalid_credential").await;
    remove(clock.wall()).ok().await;
}

/// Servers that run one after another on the same store.
struct Line {
    folder: tempfile::TempDir,
}

impl Line {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn start(&self, clock: Arc<ManualClock>) -> Server {
        let store = format!("sqlite:{}", self.folder.path().join("test.db").display());
        Setup::default().set("store.url", &store).start_at(clock)
    }
}

async fn stop(mut server: Server) {
    server.tell_to_stop();
    server.ended().await.expect("in order");
}

#[tokio::test]
async fn what_was_pending_expires_when_the_clock_was_set_back() {
    // Less than the lifetime of a challenge, so that by the new clock alone the challenge would
    // still be open.
    const BACK_MS: i64 = 120_000;
    let line = Line::new();
    let it = SignIn::on(line.start(ManualClock::wrong_by(BACK_MS)), Device::new()).await;
    let SignIn { server, device, challenge, token, .. } = it;
    stop(server).await;
    let server = line.start(ManualClock::wrong_by(BACK_MS));
    assert_eq!(server.signed_pending(&device).await["challengeId"], *challenge);
    stop(server).await;
    let server = line.start(ManualClock::running());
    let seen = server.signed_pending(&device).await;
    assert_eq!(seen["challengeId"], Value::Null, "{seen}");
    server.decide(&device, &challenge, true).refused(400, "invalid_request").await;
    assert_eq!(server.outcome(&token, &challenge).await["isVerified"], false);
    // The server continues with its present clock.
    let token = server.token("u-1").await;
    let challenge = server.challenge(&token).await;
    server.decide(&device, &challenge, true).ok().await;
    assert_eq!(server.outcome(&token, &challenge).await["isVerified"], true);
}

#[tokio::test]
async fn a_token_of_a_clock_ahead_has_its_own_life_after_a_restart_and_no_more() {
    for ahead in [1_000, HOURS_MS, 34_560_000_000] {
        let line = Line::new();
        let server = line.start(ManualClock::wrong_by(ahead));
        let token = server.token("u-1").await;
        stop(server).await;
        let clock = ManualClock::running();
        let server = line.start(clock.clone());
        assert_eq!(server.validate(&token).ok().await["actionCode"], "signIn", "{ahead}");
        clock.pass(TOKEN_MS + 2_000);
        let over = async || server.validate(&token).ok().await["error"].clone();
        assert_eq!(over().await, "the token's lifetime is over", "{ahead}");
        // The clock has reached the time at which the token was issued by its own text. The server
        // must still count the token as expired.
        clock.pass(ahead.unsigned_abs().saturating_sub(TOKEN_MS));
        assert_eq!(over().await, "the token's lifetime is over", "{ahead}");
        // A token that this server issues has its own lifetime.
        let fresh = server.token("u-2").await;
        clock.pass(TOKEN_MS - 2_000);
        assert_eq!(server.validate(&fresh).ok().await["actionCode"], "signIn", "{ahead}");
    }
}

/// Every later process has a correct clock. From this clock alone it would detect no set-back, or a
/// set-back that begins at its own start.
#[tokio::test]
async fn what_is_over_stays_so_at_every_later_start() {
    let line = Line::new();
    let server = line.start(ManualClock::wrong_by(HOURS_MS));
    let device = Device::ed25519();
    server.enroll_stated("u-1", &device).await;
    let (token, session) = (server.token("u-1").await, server.session(&device).await);
    stop(server).await;
    let after = async |server: &Server| {
        let over = server.validate(&token).ok().await;
        assert_eq!(over["error"], "the token's lifetime is over", "{over}");
        server.read(&session).refused(401, "expired_token").await;
    };
    let clock = ManualClock::running();
    let server = line.start(clock.clone());
    assert_eq!(server.validate(&token).ok().await["actionCode"], "signIn");
    server.read(&session).ok().await;
    clock.pass(902_000);
    after(&server).await;
    let kept = server.token("u-2").await;
    stop(server).await;
    for start_ms in [903_000, 904_000, HOURS_MS - 60_000, HOURS_MS + 1_000, HOURS_MS + 60_000] {
        let server = line.start(ManualClock::wrong_by(start_ms));
        after(&server).await;
        // A token that was issued after the set-back keeps its own lifetime through every later
        // start.
        let told = server.validate(&kept).ok().await["error"].clone();
        let lives = told != "the token's lifetime is over";
        assert_eq!(lives, start_ms < 1_000_000, "{start_ms}");
        stop(server).await;
    }
}

#[tokio::test]
async fn an_approval_of_a_clock_ahead_earns_no_longer_token_after_a_restart() {
    let line = Line::new();
    let it = SignIn::on(line.start(ManualClock::wrong_by(HOURS_MS)), Device::new()).await;
    it.decide(true).await;
    let SignIn { server, challenge, token, .. } = it;
    stop(server).await;
    let clock = ManualClock::running();
    let server = line.start(clock.clone());
    let earned = text(&server.outcome(&token, &challenge).await["accessToken"]);
    clock.pass(TOKEN_MS + 2_000);
    let over = server.validate(&earned).ok().await;
    assert_eq!(over["error"], "the token's lifetime is over", "{over}");
}
