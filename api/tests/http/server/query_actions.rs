//! Tests of `GET /users/{userId}/actions`.

use serde_json::{Value, json};

use crate::support::{OTHER_SECRET, Server, SignIn, assert_keys, is_iso_time};

fn names(actions: &Value) -> Vec<String> {
    let name = |a: &Value| format!("{}/{}", a["actionCode"], a["idempotencyKey"]).replace('"', "");
    actions.as_array().unwrap().iter().map(name).collect()
}

#[tokio::test]
async fn actions_are_listed_newest_first_with_their_documented_keys() {
    let server = Server::start();
    let context =
        json!({ "idempotencyKey": "k-1", "userAgent": "Firefox", "ipAddress": "203.0.113.7" });
    server.track("u-1", context).await;
    server.track("u-1", json!({ "idempotencyKey": "k-2" })).await;
    let listed = server.get("/users/u-1/actions").secret().ok().await;
    assert_eq!(names(&listed), ["signIn/k-2", "signIn/k-1"]);
    let (newer, older) = (&listed[0], &listed[1]);
    let keys =
        ["actionCode", "createdAt", "idempotencyKey", "state", "stateUpdatedAt", "updatedAt"];
    assert_keys(newer, &keys);
    assert_keys(older, &[&keys[..], &["ipAddress", "userAgent"]].concat());
    assert!(is_iso_time(&newer["createdAt"]) && is_iso_time(&newer["updatedAt"]), "{newer}");
}

#[tokio::test]
async fn an_approval_names_the_authenticator() {
    let it = SignIn::start().await;
    it.decide(true).await;
    let listed = it.server.get("/users/u-1/actions?state=CHALLENGE_SUCCEEDED").secret().ok().await;
    assert_eq!(listed[0]["verifiedByAuthenticatorId"], *it.authenticator);
    assert_eq!(listed[0]["verificationMethod"], "PUSH");
}

#[tokio::test]
async fn filters_narrow_the_list() {
    let server = Server::start();
    server.track("u-1", json!({ "idempotencyKey": "k-1" })).await;
    let pay =
        server.post("/users/u-1/actions/pay").secret().json(&json!({ "idempotencyKey": "k-2" }));
    pay.ok().await;
    let state = json!({ "state": "BLOCK" });
    server.patch("/users/u-1/actions/pay/k-2").secret().json(&state).ok().await;
    for (query, expected) in [
        ("?codes=pay", vec!["pay/k-2"]),
        ("?codes=signIn,%20pay,", vec!["pay/k-2", "signIn/k-1"]),
        ("?codes=other", vec![]),
        ("?state=BLOCK", vec!["pay/k-2"]),
        ("?state=ALLOW&codes=pay", vec![]),
        ("?fromDate=2020-01-01T00:00:00.000Z", vec!["pay/k-2", "signIn/k-1"]),
        ("?fromDate=2999-01-01T00:00:00.000Z", vec![]),
        ("?unknown=1&state=", vec!["pay/k-2", "signIn/k-1"]),
    ] {
        let listed = server.get(&format!("/users/u-1/actions{query}")).secret().ok().await;
        assert_eq!(names(&listed), expected, "{query}");
    }
}

#[tokio::test]
async fn a_user_has_its_own_list_and_an_unknown_one_an_empty_one() {
    let server = Server::start();
    server.track("u-1", json!({})).await;
    assert_eq!(server.get("/users/u-2/actions").secret().ok().await, json!([]));
    let foreign = server.get("/users/u-1/actions").with_secret(OTHER_SECRET);
    assert_eq!(foreign.ok().await, json!([]));
}

#[tokio::test]
async fn a_filter_that_cannot_be_read_is_refused() {
    let server = Server::start();
    for query in ["fromDate=soon", "state=DONE", "codes=a%20b", "codes=%ff", "state=A&state=B"] {
        let call = server.get(&format!("/users/u-1/actions?{query}")).secret();
        call.refused(400, "invalid_request").await;
    }
    server.get("/users/u-1/actions").refused(401, "unauthorized").await;
}
