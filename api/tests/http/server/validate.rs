//! Tests of `POST /validate`.

use serde_json::{Value, json};

use crate::support::{
    Device, OTHER_SECRET, PUSH, Server, SignIn, Statements as _, assert_keys, is_iso_time,
};

const KEYS: [&str; 7] =
    ["action", "actionCode", "idempotencyKey", "isValid", "state", "stateUpdatedAt", "userId"];

#[tokio::test]
async fn a_fresh_token_is_not_valid_and_says_whose_it_is() {
    let it = SignIn::start().await;
    let body = it.server.validate(&it.token).ok().await;
    assert_keys(&body, &KEYS);
    assert_eq!(body["isValid"], false);
    assert_eq!(body["state"], "CHALLENGE_REQUIRED");
    assert_eq!(body["userId"], "u-1");
    assert_eq!((&body["action"], &body["actionCode"]), (&json!("signIn"), &json!("signIn")));
    assert!(is_iso_time(&body["stateUpdatedAt"]));
}

#[tokio::test]
async fn both_tokens_are_valid_once_the_challenge_succeeded() {
    let it = SignIn::start().await;
    it.decide(true).await;
    let earned = it.outcome().await["accessToken"].as_str().unwrap().to_owned();
    for token in [&it.token, &earned] {
        let body = it.server.validate(token).ok().await;
        assert_keys(&body, &[&KEYS[..], &["verificationMethod"]].concat());
        assert_eq!(body["isValid"], true);
        assert_eq!(body["state"], "CHALLENGE_SUCCEEDED");
        assert_eq!(body["verificationMethod"], "PUSH");
    }
}

#[tokio::test]
async fn only_a_challenge_that_succeeded_makes_it_valid() {
    let server = Server::start();
    let tracked = server.track("u-1", json!({ "idempotencyKey": "k-1" })).await;
    let token = tracked["token"].as_str().unwrap();
    for state in [
        "ALLOW",
        "BLOCK",
        "CHALLENGE_FAILED",
        "CHALLENGE_REQUIRED",
        "REVIEW_FAILED",
        "REVIEW_REQUIRED",
        "REVIEW_SUCCEEDED",
    ] {
        let path = "/users/u-1/actions/signIn/k-1";
        server.patch(path).secret().json(&json!({ "state": state })).ok().await;
        let body = server.validate(token).ok().await;
        assert_eq!((&body["isValid"], &body["state"]), (&json!(false), &json!(state)));
    }
    let denied = SignIn::start().await;
    denied.decide(false).await;
    let body = denied.server.validate(&denied.token).ok().await;
    assert_eq!((&body["isValid"], &body["state"]), (&json!(false), &json!("CHALLENGE_FAILED")));
}

#[tokio::test]
async fn a_token_of_another_user_or_action_is_not_valid_and_tells_nothing() {
    let it = SignIn::start().await;
    it.decide(true).await;
    for expected in [
        json!({ "action": "pay" }),
        json!({ "userId": "u-2" }),
        json!({ "action": "signIn", "userId": "U-1" }),
        json!({ "action": "" }),
    ] {
        let mut body = expected;
        body["token"] = json!(it.token);
        let answer = it.server.post("/validate").secret().json(&body).ok().await;
        assert_keys(&answer, &["error", "isValid"]);
        assert_eq!(answer["isValid"], false);
    }
    let all = json!({ "token": it.token, "action": "signIn", "userId": "u-1" });
    let answer = it.server.post("/validate").secret().json(&all).ok().await;
    assert_eq!(answer["isValid"], true);
}

#[tokio::test]
async fn a_token_that_is_none_of_this_tenant_is_not_valid_and_tells_nothing() {
    let it = SignIn::start().await;
    it.decide(true).await;
    let body = json!({ "token": it.token });
    let foreign = it.server.post("/validate").with_secret(OTHER_SECRET).json(&body).ok().await;
    let garbage = it.server.validate("a.b.c").ok().await;
    assert_eq!(foreign, garbage);
    assert_keys(&foreign, &["error", "isValid"]);
    assert_eq!(foreign["isValid"], false);
}

#[tokio::test]
async fn a_token_of_a_deleted_user_is_not_valid() {
    let it = SignIn::start().await;
    it.decide(true).await;
    it.server.delete("/users/u-1").secret().ok().await;
    let body = it.server.validate(&it.token).ok().await;
    assert_keys(&body, &["error", "isValid"]);
    // The same user enrolls again and gets another action. The old token stays invalid.
    it.server.enroll("u-1", &Device::new()).await;
    assert_eq!(it.server.validate(&it.token).ok().await["isValid"], false);
}

#[tokio::test]
async fn a_caller_must_be_known() {
    let server = Server::start();
    for body in [json!({ "token": "x" }), json!({})] {
        server.post("/validate").json(&body).refused(401, "unauthorized").await;
    }
}

#[tokio::test]
async fn no_token_is_not_valid_and_a_value_that_is_no_text_is_refused() {
    let server = Server::start();
    let call = |body| server.post("/validate").secret().json(&body);
    for token in [json!({}), json!({ "token": null }), json!({ "token": "" })] {
        for expected in [json!({}), json!({ "action": "signIn", "userId": "u-1" })] {
            let mut body = token.clone();
            body.as_object_mut().unwrap().extend(expected.as_object().unwrap().clone());
            let answer = call(body).ok().await;
            assert_eq!(answer, json!({ "isValid": false, "error": "there is no token" }));
        }
    }
    let answer = server.post("/validate").secret().ok().await;
    assert_eq!(answer["isValid"], false, "an empty body is an empty object");
    for token in [json!(1), json!(true), json!([]), json!({})] {
        call(json!({ "token": token })).refused(400, "invalid_request").await;
    }
}

/// Returns both responses about the action of a token: that of `/validate`, and that of `GET` of
/// the action.
async fn both(server: &Server, token: &str) -> (Value, Value) {
    let validated = server.validate(token).ok().await;
    let key = validated["idempotencyKey"].as_str().unwrap();
    let action = server.get(&format!("/users/u-1/actions/signIn/{key}")).secret().ok().await;
    (validated, action)
}

/// Tracks a payment and starts a challenge. Returns the token and the challenge's id.
async fn asked(server: &Server) -> (String, String) {
    let custom = json!({ "amount": { "minor": 1000 }, "secret": "hidden" });
    let body = json!({ "custom": custom, "ipAddress": "203.0.113.7" });
    let token = server.track("u-1", body).await["token"].as_str().unwrap().to_owned();
    let challenge = server.challenge(&token).await;
    (token, challenge)
}

/// Checks that the approved values are those that the phone showed, and that they contain no hidden
/// custom data.
fn assert_shown(approved: &Value) {
    assert_eq!(approved["action"], "signIn");
    assert_eq!(approved["custom"], json!({ "amount": { "minor": 1000 } }));
    assert_eq!(approved["ipAddress"], "203.0.113.7");
    assert_eq!(approved["requester"], "demo");
    assert!(approved["issuedAt"].is_u64());
}

#[tokio::test]
async fn what_a_statement_was_over_is_told_as_approved() {
    let server = Server::start();
    let device = Device::ed25519();
    server.enroll_stated("u-1", &device).await;
    let (token, _) = asked(&server).await;
    let (validated, action) = both(&server, &token).await;
    assert!(validated.get("approved").is_none() && action.get("approved").is_none());
    let shown = server.read(&server.session(&device).await).ok().await;
    let answer = device.statement(&shown, "approve", None);
    server.answer(&device, &answer).ok().await;
    let (validated, action) = both(&server, &token).await;
    let display: Value = serde_json::from_str(shown["display"].as_str().unwrap()).unwrap();
    assert_eq!((&validated["approved"], &action["approved"]), (&display, &display));
    assert_shown(&display);
    // A repeated answer gets the same response, and changes nothing.
    let earned = server.outcome(&token, shown["challengeId"].as_str().unwrap()).await;
    let earned = earned["accessToken"].as_str().unwrap();
    assert_eq!(server.validate(earned).ok().await["approved"], display);
}

#[tokio::test]
async fn what_a_signed_read_has_shown_is_told_as_approved_and_another_read_proves_nothing() {
    let server = Server::start();
    let device = Device::new();
    server.enroll("u-1", &device).await;
    for signed in [false, true] {
        let (token, challenge) = asked(&server).await;
        // An earlier read does not prove that the phone showed a later challenge.
        if signed {
            server.signed_pending(&device).await;
        } else {
            server.pending(&device).ok().await;
        }
        server.decide(&device, &challenge, true).ok().await;
        let (validated, action) = both(&server, &token).await;
        assert_eq!(validated["isValid"], true);
        assert_eq!(validated.get("approved"), action.get("approved"));
        assert_eq!(validated.get("approved").is_some(), signed);
        if signed {
            assert_shown(&validated["approved"]);
        }
    }
    let (token, challenge) = asked(&server).await;
    server.decide(&device, &challenge, true).ok().await;
    assert!(both(&server, &token).await.0.get("approved").is_none(), "it was not read");
}

#[tokio::test]
async fn of_several_that_wait_an_official_app_has_shown_the_first_alone() {
    let server = Server::start();
    let device = Device::new();
    server.enroll("u-1", &device).await;
    let (older, older_challenge) = asked(&server).await;
    server.enroll("u-2", &device).await;
    let newer = server.token("u-2").await;
    let newer_challenge = server.challenge(&newer).await;
    let read = server.signed_pending(&device).await;
    let first = read["challengeId"].as_str().unwrap();
    assert!([&*older_challenge, &*newer_challenge].contains(&first));
    for (token, challenge) in [(&older, &older_challenge), (&newer, &newer_challenge)] {
        let was_shown = **challenge == *first;
        server.decide(&device, challenge, true).ok().await;
        let told = server.validate(token).ok().await;
        assert_eq!(told["isValid"], true);
        assert_eq!(told.get("approved").is_some(), was_shown, "{told}");
    }
}

#[tokio::test]
async fn after_an_override_or_without_its_device_nothing_is_told_as_approved() {
    for state in ["CHALLENGE_SUCCEEDED", "CHALLENGE_FAILED", "ALLOW"] {
        let it = SignIn::start().await;
        it.server.signed_pending(&it.device).await;
        it.decide(true).await;
        let (validated, _) = both(&it.server, &it.token).await;
        assert!(validated.get("approved").is_some());
        let key = validated["idempotencyKey"].as_str().unwrap();
        let path = format!("/users/u-1/actions/signIn/{key}");
        let set = it.server.patch(&path).secret().json(&json!({ "state": state })).ok().await;
        let (validated, action) = both(&it.server, &it.token).await;
        for answer in [set, validated, action] {
            assert!(answer.get("approved").is_none(), "{answer}");
        }
    }
    let it = SignIn::start().await;
    it.server.signed_pending(&it.device).await;
    it.decide(true).await;
    let path = format!("/users/u-1/authenticators/{}", it.authenticator);
    it.server.delete(&path).secret().ok().await;
    let (validated, _) = both(&it.server, &it.token).await;
    assert_eq!((&validated["isValid"], validated.get("approved")), (&json!(false), None));
}

#[tokio::test]
async fn the_token_of_a_user_who_is_deleted_and_tracked_again_at_once_is_dead() {
    let server = Server::start();
    let key = json!({ "idempotencyKey": "k-1" });
    // All of this happens within one second in some of the rounds, wherever the second begins.
    for _ in 0..20 {
        let old = server.track("u-1", key.clone()).await["token"].as_str().unwrap().to_owned();
        assert_eq!(server.validate(&old).ok().await["state"], "ALLOW");
        server.delete("/users/u-1").secret().ok().await;
        let new = server.track("u-1", key.clone()).await["token"].as_str().unwrap().to_owned();
        let dead = server.validate(&old).ok().await;
        assert_keys(&dead, &["error", "isValid"]);
        let enroll = server.post(PUSH).bearer(&old).json(&Device::new().enrollment());
        enroll.refused(401, "invalid_token").await;
        assert_eq!(server.validate(&new).ok().await["state"], "ALLOW");
    }
}
