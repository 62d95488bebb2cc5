//! Tests of `POST /client/verify/push`. `long_poll` tests its waiting.

use serde_json::json;

use crate::support::{Device, SignIn, assert_keys};
use crate::tokens::lifetime_of;

#[tokio::test]
async fn a_pending_challenge_is_neither_consumed_nor_verified() {
    let it = SignIn::start().await;
    let answer = it.server.verify(&it.token, &it.challenge).send().await;
    assert_eq!(answer.header("preference-applied"), None, "no wait was asked for");
    let body = answer.ok();
    assert_keys(&body, &["expiresAt", "isConsumed", "isVerified"]);
    assert_eq!((&body["isConsumed"], &body["isVerified"]), (&json!(false), &json!(false)));
    assert!(body["expiresAt"].is_u64());
}

#[tokio::test]
async fn an_approval_earns_a_token_at_every_poll() {
    let it = SignIn::start().await;
    it.decide(true).await;
    let mut last = String::new();
    for _ in 0..2 {
        let body = it.outcome().await;
        assert_keys(&body, &["accessToken", "expiresAt", "isConsumed", "isVerified", "outcome"]);
        assert_eq!((&body["isConsumed"], &body["isVerified"]), (&json!(true), &json!(true)));
        assert_eq!(body["outcome"], "approved");
        body["accessToken"].as_str().unwrap().clone_into(&mut last);
    }
    // The token that the approval returned is valid here, as the first token is.
    assert_eq!(it.server.outcome(&last, &it.challenge).await["outcome"], "approved");
}

#[tokio::test]
async fn an_earned_token_ends_when_the_first_one_does_however_often_it_is_asked_for() {
    let it = SignIn::start().await;
    it.decide(true).await;
    let expiry = |body: &serde_json::Value| {
        let (_, ends) = lifetime_of(body["accessToken"].as_str().unwrap());
        ends
    };
    let first = it.outcome().await;
    let token = first["accessToken"].as_str().unwrap();
    let renewed = it.server.outcome(token, &it.challenge).await;
    assert_eq!(expiry(&first), expiry(&renewed));
}

#[tokio::test]
async fn an_approval_that_was_overridden_earns_nothing_and_binds_nothing() {
    let it = SignIn::start().await;
    it.decide(true).await;
    let earned = it.outcome().await["accessToken"].as_str().unwrap().to_owned();
    let actions = it.server.get("/users/u-1/actions").secret().ok().await;
    let key = actions.as_array().unwrap().iter().find(|a| a["state"] == "CHALLENGE_SUCCEEDED");
    let key = key.unwrap()["idempotencyKey"].as_str().unwrap().to_owned();
    let path = format!("/users/u-1/actions/signIn/{key}");
    it.server.patch(&path).secret().json(&json!({ "state": "BLOCK" })).ok().await;
    let body = it.outcome().await;
    assert_eq!((&body["isVerified"], &body["accessToken"]), (&json!(false), &json!(null)));
    let enrollment = Device::new().enrollment();
    let route = "/client/user-authenticators/push";
    let refused = it.server.post(route).bearer(&earned).json(&enrollment);
    refused.refused(401, "invalid_token").await;
}

#[tokio::test]
async fn an_approval_by_a_device_that_was_taken_away_earns_nothing() {
    let it = SignIn::start().await;
    it.decide(true).await;
    let listed = it.server.get("/users/u-1/authenticators").secret().ok().await;
    let id = listed[0]["userAuthenticatorId"].as_str().unwrap();
    it.server.delete(&format!("/users/u-1/authenticators/{id}")).secret().ok().await;
    assert_eq!(it.outcome().await["isVerified"], json!(false));
}

#[tokio::test]
async fn an_approval_of_a_user_who_was_deleted_earns_nothing() {
    let it = SignIn::start().await;
    it.decide(true).await;
    it.server.delete("/users/u-1").secret().ok().await;
    it.server.verify(&it.token, &it.challenge).refused(401, "invalid_token").await;
}

#[tokio::test]
async fn a_denial_earns_nothing() {
    let it = SignIn::start().await;
    it.decide(false).await;
    let body = it.outcome().await;
    assert_keys(&body, &["expiresAt", "isConsumed", "isVerified", "outcome"]);
    assert_eq!((&body["isConsumed"], &body["isVerified"]), (&json!(true), &json!(false)));
    assert_eq!(body["outcome"], "denied");
}

#[tokio::test]
async fn a_challenge_is_told_to_the_token_of_its_action_only() {
    let it = SignIn::start().await;
    // Tokens of another instance of the same action, of another action, and of another user.
    let instance = it.server.token("u-1").await;
    let pay = it.server.post("/users/u-1/actions/pay").secret().ok().await;
    let stranger = it.server.token("u-2").await;
    for token in [instance.as_str(), pay["token"].as_str().unwrap(), stranger.as_str()] {
        it.server.verify(token, &it.challenge).refused(400, "invalid_request").await;
    }
}

#[tokio::test]
async fn what_is_no_challenge_is_refused() {
    let it = SignIn::start().await;
    let nonce = it.server.nonce(&it.device).await;
    for id in
        ["", "c-1", &"a".repeat(32), &"a".repeat(33), &nonce, "../../../../../etc/passwd......."]
    {
        it.server.verify(&it.token, id).refused(400, "invalid_request").await;
    }
    for body in [json!({}), json!({ "challengeId": null }), json!({ "challengeId": 7 })] {
        let call = it.server.post("/client/verify/push").bearer(&it.token).json(&body);
        call.refused(400, "invalid_request").await;
    }
}

#[tokio::test]
async fn the_earned_token_may_enroll_a_further_device() {
    let it = SignIn::start().await;
    it.decide(true).await;
    let earned = it.outcome().await["accessToken"].as_str().unwrap().to_owned();
    let further = Device::new();
    let enroll = it.server.post(crate::support::PUSH).bearer(&earned).json(&further.enrollment());
    enroll.ok().await;
}
