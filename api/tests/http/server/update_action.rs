//! Tests of `PATCH /users/{userId}/actions/{action}/{idempotencyKey}`.

use serde_json::json;

use crate::support::{OTHER_SECRET, Server, SignIn};

const STATES: [&str; 8] = [
    "ALLOW",
    "BLOCK",
    "CHALLENGE_FAILED",
    "CHALLENGE_REQUIRED",
    "CHALLENGE_SUCCEEDED",
    "REVIEW_FAILED",
    "REVIEW_REQUIRED",
    "REVIEW_SUCCEEDED",
];

#[tokio::test]
async fn every_state_can_be_set() {
    let server = Server::start();
    server.track("u-1", json!({ "idempotencyKey": "k-1" })).await;
    let path = "/users/u-1/actions/signIn/k-1";
    for state in STATES {
        let set =
            server.patch(path).secret().json(&json!({ "state": state, "custom": {} })).ok().await;
        assert_eq!(set["state"], state);
        let read = server.get(path).secret().ok().await;
        assert_eq!(read, set);
    }
}

#[tokio::test]
async fn an_override_cancels_the_open_challenge() {
    let it = SignIn::start().await;
    let listed = it.server.get("/users/u-1/actions?state=CHALLENGE_REQUIRED").secret().ok().await;
    let key = listed[0]["idempotencyKey"].as_str().unwrap();
    let path = format!("/users/u-1/actions/signIn/{key}");
    it.server.patch(&path).secret().json(&json!({ "state": "CHALLENGE_FAILED" })).ok().await;
    let outcome = it.outcome().await;
    assert_eq!(outcome["outcome"], "cancelled");
    assert_eq!((&outcome["isConsumed"], &outcome["isVerified"]), (&json!(true), &json!(false)));
    let late = it.server.decide(&it.device, &it.challenge, true);
    late.refused(400, "invalid_request").await;
    assert!(it.server.pending(&it.device).ok().await.get("challengeId").is_none());
}

#[tokio::test]
async fn what_was_not_tracked_or_is_no_state_is_refused() {
    let server = Server::start();
    server.track("u-1", json!({ "idempotencyKey": "k-1" })).await;
    let path = "/users/u-1/actions/signIn/k-1";
    let body = json!({ "state": "BLOCK" });
    for unknown in ["/users/u-1/actions/signIn/k-2", "/users/u-9/actions/signIn/k-1"] {
        server.patch(unknown).secret().json(&body).refused(404, "invalid_request").await;
    }
    let foreign = server.patch(path).with_secret(OTHER_SECRET).json(&body);
    foreign.refused(404, "invalid_request").await;
    server.patch(path).json(&body).refused(401, "unauthorized").await;
    for bad in
        [json!({}), json!({ "state": "DONE" }), json!({ "state": null }), json!({ "state": 1 })]
    {
        server.patch(path).secret().json(&bad).refused(400, "invalid_request").await;
    }
    assert_eq!(server.get(path).secret().ok().await["state"], "ALLOW", "nothing has changed");
}
