//! `POST /validate`.

use serde_json::json;

use crate::support::{Device, OTHER_SECRET, Server, SignIn, assert_keys, is_iso_time};

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
    // The user comes back with another action: the old token stays worthless.
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
