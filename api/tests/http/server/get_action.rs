//! Tests of `GET /users/{userId}/actions/{action}/{idempotencyKey}`.

use serde_json::json;

use crate::support::{OTHER_SECRET, Server, SignIn, assert_keys, is_iso_time};

const KEYS: [&str; 6] = ["createdAt", "output", "ruleIds", "rules", "state", "stateUpdatedAt"];

#[tokio::test]
async fn an_action_is_answered_as_it_stands() {
    let server = Server::start();
    server.track("u-1", json!({ "idempotencyKey": "k 1" })).await;
    let action = server.get("/users/u-1/actions/signIn/k%201").secret().ok().await;
    assert_keys(&action, &KEYS);
    assert_eq!(action["state"], "ALLOW");
    assert!(
        is_iso_time(&action["createdAt"]) && is_iso_time(&action["stateUpdatedAt"]),
        "{action}"
    );
    assert_eq!((&action["output"], &action["rules"]), (&json!({}), &json!([])));
}

#[tokio::test]
async fn an_approved_action_says_how_it_was_verified() {
    let it = SignIn::start().await;
    it.decide(true).await;
    let listed = it.server.get("/users/u-1/actions?state=CHALLENGE_SUCCEEDED").secret().ok().await;
    let key = listed[0]["idempotencyKey"].as_str().unwrap();
    let path = format!("/users/u-1/actions/signIn/{key}");
    let action = it.server.get(&path).secret().ok().await;
    assert_keys(&action, &[&KEYS[..], &["verificationMethod"]].concat());
    assert_eq!(action["state"], "CHALLENGE_SUCCEEDED");
    assert_eq!(action["verificationMethod"], "PUSH");
}

#[tokio::test]
async fn one_that_was_not_tracked_is_not_found() {
    let server = Server::start();
    server.track("u-1", json!({ "idempotencyKey": "k-1" })).await;
    for path in [
        "/users/u-1/actions/signIn/k-2",
        "/users/u-1/actions/pay/k-1",
        "/users/u-2/actions/signIn/k-1",
    ] {
        server.get(path).secret().refused(404, "invalid_request").await;
    }
    let path = "/users/u-1/actions/signIn/k-1";
    server.get(path).with_secret(OTHER_SECRET).refused(404, "invalid_request").await;
    server.get(path).refused(401, "unauthorized").await;
}
