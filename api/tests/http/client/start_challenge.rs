//! Tests of `POST /client/challenge/push`.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Device, Hook, Server, Setup, SignIn, assert_keys};

const PATH: &str = "/client/challenge/push";

#[tokio::test]
async fn a_challenge_is_started_with_its_documented_keys() {
    let server = Server::start();
    server.enroll("u-1", &Device::new()).await;
    let token = server.token("u-1").await;
    // The browser SDK always sends the action. Other clients may send nothing.
    for body in [json!({ "action": "signIn" }), json!({}), json!({ "userAuthenticatorId": null })] {
        let started = server.post(PATH).bearer(&token).json(&body).ok().await;
        assert_keys(&started, &["challengeId", "expiresAt"]);
        assert_eq!(started["challengeId"].as_str().unwrap().len(), 32);
        let action = server.get("/users/u-1/actions?limit=1").secret().ok().await;
        let tracked = action[0]["createdAt"].as_str().unwrap();
        let tracked = countersign_wire::time::Iso8601::parse(tracked).unwrap().0.seconds();
        let life = started["expiresAt"].as_u64().expect("whole seconds") - tracked;
        assert!((295..=310).contains(&life), "five minutes after it was tracked: {life}");
    }
}

#[tokio::test]
async fn the_action_must_be_the_tokens() {
    let server = Server::start();
    server.enroll("u-1", &Device::new()).await;
    let token = server.token("u-1").await;
    let other = server.post(PATH).bearer(&token).json(&json!({ "action": "pay" }));
    other.refused(400, "invalid_request").await;
}

#[tokio::test]
async fn a_user_without_authenticator_cannot_be_challenged() {
    let server = Server::start();
    let token = server.token("u-1").await;
    server.post(PATH).bearer(&token).refused(400, "invalid_request").await;
}

#[tokio::test]
async fn a_new_challenge_supersedes_the_open_one_of_its_action() {
    let it = SignIn::start().await;
    // A second action with the same code and another idempotency key.
    let token = it.server.token("u-1").await;
    let newer = it.server.challenge(&token).await;
    let old = it.outcome().await;
    assert_eq!((&old["outcome"], &old["isConsumed"]), (&json!("superseded"), &json!(true)));
    assert_eq!(it.server.pending(&it.device).ok().await["challengeId"], *newer);
    let late = it.server.decide(&it.device, &it.challenge, true);
    late.refused(400, "invalid_request").await;
    it.server.decide(&it.device, &newer, true).ok().await;
}

#[tokio::test]
async fn one_that_must_not_supersede_is_told_of_the_open_one() {
    let it = SignIn::start().await;
    let gently = json!({ "supersede": false });
    let call = it.server.post(PATH).bearer(&it.token).json(&gently);
    let refusal = call.refused(409, "invalid_request").await;
    assert_eq!(refusal["challengeId"], *it.challenge);
    assert!(it.outcome().await.get("outcome").is_none(), "it is still open");
    it.decide(false).await;
    it.server.post(PATH).bearer(&it.token).json(&gently).ok().await;
}

#[tokio::test]
async fn challenges_of_different_actions_stand_side_by_side() {
    let it = SignIn::start().await;
    let pay = it.server.post("/users/u-1/actions/pay").secret().ok().await;
    let token = pay["token"].as_str().unwrap();
    let second = it.server.challenge(token).await;
    assert!(it.outcome().await.get("outcome").is_none());
    let pending = it.server.pending(&it.device).ok().await;
    assert_eq!((&pending["challengeId"], &pending["actionCode"]), (&json!(second), &json!("pay")));
    it.server.decide(&it.device, &second, true).ok().await;
    assert_eq!(it.server.pending(&it.device).ok().await["challengeId"], *it.challenge);
}

#[tokio::test]
async fn a_targeted_challenge_reaches_its_device_only() {
    let server = Server::start();
    let (first, second) = (Device::new(), Device::ed25519());
    server.enroll("u-1", &first).await;
    let target = server.enroll("u-1", &second).await;
    let token = server.token("u-1").await;
    let body = json!({ "userAuthenticatorId": target });
    let started = server.post(PATH).bearer(&token).json(&body).ok().await;
    let id = started["challengeId"].as_str().unwrap();
    assert!(server.pending(&first).ok().await.get("challengeId").is_none());
    assert_eq!(server.pending(&second).ok().await["challengeId"], id);
    server.decide(&first, id, true).refused(400, "invalid_request").await;
    server.decide(&second, id, true).ok().await;
}

#[tokio::test]
async fn a_target_must_be_the_users_own() {
    let server = Server::start();
    server.enroll("u-1", &Device::new()).await;
    let foreign = server.enroll("u-2", &Device::new()).await;
    let token = server.token("u-1").await;
    let target = |id: &str| json!({ "userAuthenticatorId": id });
    let unknown = "00000000-0000-4000-8000-000000000000";
    let call = |id: &str| server.post(PATH).bearer(&token).json(&target(id));
    let foreign = call(&foreign).refused(400, "invalid_request").await;
    let unknown = call(unknown).refused(400, "invalid_request").await;
    assert_eq!(foreign, unknown, "nobody learns what exists");
    call("nonsense").refused(400, "invalid_request").await;
}

#[tokio::test]
async fn every_device_of_a_user_is_asked_and_the_first_answer_counts() {
    let server = Server::start();
    let devices = [Device::new(), Device::new(), Device::ed25519()];
    for device in &devices {
        server.enroll("u-1", device).await;
    }
    let token = server.token("u-1").await;
    let id = server.challenge(&token).await;
    for device in &devices {
        assert_eq!(server.pending(device).ok().await["challengeId"], *id);
    }
    server.decide(&devices[1], &id, false).ok().await;
    for device in [&devices[0], &devices[2]] {
        assert!(server.pending(device).ok().await.get("challengeId").is_none());
        for approved in [true, false] {
            server.decide(device, &id, approved).refused(400, "invalid_request").await;
        }
    }
    assert_eq!(server.outcome(&token, &id).await["outcome"], "denied");
}

#[tokio::test]
async fn an_action_may_be_challenged_again_until_it_succeeded() {
    let it = SignIn::start().await;
    it.decide(false).await;
    let cancelled = it.server.challenge(&it.token).await;
    it.server.cancel(&it.token, &cancelled).ok().await;
    let last = it.server.challenge(&it.token).await;
    it.server.decide(&it.device, &last, true).ok().await;
    it.server.post(PATH).bearer(&it.token).refused(400, "invalid_request").await;
}

#[tokio::test]
async fn a_challenge_is_held_until_the_relying_party_has_accepted() {
    let mut hook = Hook::listen().await;
    let server = Setup::told_by(&hook).start();
    let device = Device::new();
    server.enroll("u-1", &device).await;
    let token = server.token("u-1").await;
    let starting = server.post(PATH).bearer(&token).send();
    let meanwhile = async {
        let call = hook.called().await;
        assert!(call.line.starts_with("POST /hook "), "{call:?}");
        assert!(call.header("x-signature-v2").starts_with("t="), "{call:?}");
        let pending = server.pending(&device).ok().await;
        let id = pending["challengeId"].as_str().expect("it can be read").to_owned();
        assert!(call.body.contains(&id), "{call:?}");
        for approved in [true, false] {
            server.decide(&device, &id, approved).refused(400, "invalid_request").await;
        }
        hook.answer(204);
        id
    };
    let (started, id) = tokio::join!(starting, meanwhile);
    let started: Value = started.ok();
    assert_eq!(started["challengeId"], *id);
    // The browser SDK reads an empty list as a list of failures only, so the field is absent.
    assert!(started.get("deliveryResults").is_none(), "{started}");
    server.decide(&device, &id, true).ok().await;
}

#[tokio::test]
async fn a_refused_notification_leaves_nothing_pending() {
    let hook = Hook::listen().await;
    let server = Setup::told_by(&hook).start();
    let device = Device::new();
    server.enroll("u-1", &device).await;
    let token = server.token("u-1").await;
    hook.answer(500);
    let refusal = server.post(PATH).bearer(&token).refused(400, "invalid_configuration").await;
    let reason = refusal["errorDescription"].as_str().unwrap();
    assert!(reason.contains("status 500"), "{reason}");
    assert!(server.pending(&device).ok().await.get("challengeId").is_none());
    // The second attempt creates a new challenge. No open challenge conflicts with it.
    hook.answer(200);
    let gently = json!({ "supersede": false });
    server.post(PATH).bearer(&token).json(&gently).ok().await;
}

#[tokio::test]
async fn a_notification_whose_answer_has_no_end_leaves_nothing_pending() {
    let hook = Hook::listen().await;
    let server = Setup::told_by(&hook).start();
    let device = Device::new();
    server.enroll("u-1", &device).await;
    let token = server.token("u-1").await;
    hook.answer_with("HTTP/1.1 100 Continue\r\n\r\n".repeat(1_000));
    let refusal = server.post(PATH).bearer(&token).refused(400, "invalid_configuration").await;
    let reason = refusal["errorDescription"].as_str().unwrap();
    assert!(reason.contains("longer than an answer may be"), "{reason}");
    assert!(server.pending(&device).ok().await.get("challengeId").is_none());
    let metrics = server.operator_call(Method::GET, "/metrics").send().await.text;
    let counted = "countersign_webhook_deliveries_total{result=\"too_long\"} ";
    assert!(metrics.lines().any(|line| line.starts_with(counted)), "{metrics}");
}
