//! Tests of `POST /client/user-authenticators/remove`.

use serde_json::json;

use crate::support::{Call, Device, Server, SignIn};

fn remove(server: &Server, token: &str, authenticator: &str) -> Call {
    let body = json!({ "userAuthenticatorId": authenticator });
    server.post("/client/user-authenticators/remove").bearer(token).json(&body)
}

/// Tracks an action, and returns a token with the scope to remove an authenticator.
async fn allowed(server: &Server, user: &str) -> String {
    let tracked = server.track(user, json!({ "scope": "remove:authenticators" })).await;
    tracked["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_token_of_an_approval_removes_a_device() {
    let it = SignIn::start().await;
    let other = it.server.enroll("u-1", &Device::new()).await;
    it.decide(true).await;
    let earned = it.outcome().await["accessToken"].as_str().unwrap().to_owned();
    let body = remove(&it.server, &earned, &other).ok().await;
    assert_eq!(body, json!({ "success": true }));
    let left = it.server.get("/users/u-1/authenticators").secret().ok().await;
    assert_eq!(left.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_last_authenticator_stays_so_that_challenges_go_on_being_required() {
    let it = SignIn::start().await;
    it.decide(true).await;
    let earned = it.outcome().await["accessToken"].as_str().unwrap().to_owned();
    remove(&it.server, &earned, &it.authenticator).refused(400, "invalid_request").await;
    assert_eq!(it.server.track("u-1", json!({})).await["state"], "CHALLENGE_REQUIRED");
}

#[tokio::test]
async fn a_token_without_the_scope_removes_nothing() {
    let server = Server::start();
    let id = server.enroll("u-1", &Device::new()).await;
    let plain = server.token("u-1").await;
    remove(&server, &plain, &id).refused(403, "unauthorized").await;
    let adds = server.track("u-1", json!({ "scope": "add:authenticators" })).await;
    remove(&server, adds["token"].as_str().unwrap(), &id).refused(403, "unauthorized").await;
    remove(&server, "a.b.c", &id).refused(401, "invalid_token").await;
    let left = server.get("/users/u-1/authenticators").secret().ok().await;
    assert_eq!(left.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn nobody_removes_or_finds_what_is_anothers() {
    let server = Server::start();
    let theirs = server.enroll("u-2", &Device::new()).await;
    let mine = allowed(&server, "u-1").await;
    let known = remove(&server, &mine, &theirs).refused(400, "invalid_request").await;
    let unknown = remove(&server, &mine, &"a".repeat(32)).refused(400, "invalid_request").await;
    let invalid = remove(&server, &mine, "a b").refused(400, "invalid_request").await;
    assert_eq!((&known, &known), (&unknown, &invalid));
    assert_eq!(server.get("/users/u-2/authenticators").secret().ok().await[0]["userId"], "u-2");
}
