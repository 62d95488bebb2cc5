//! Tests of `POST /client/cancel/push`.

use serde_json::json;

use crate::support::SignIn;

#[tokio::test]
async fn a_cancelled_challenge_cannot_be_answered() {
    let it = SignIn::start().await;
    let body = it.server.cancel(&it.token, &it.challenge).ok().await;
    assert_eq!(body, json!({ "outcome": "cancelled" }));
    it.server.decide(&it.device, &it.challenge, true).refused(400, "invalid_request").await;
    let outcome = it.outcome().await;
    assert_eq!((&outcome["isConsumed"], &outcome["isVerified"]), (&json!(true), &json!(false)));
    assert_eq!(outcome["outcome"], "cancelled");
    assert_eq!(it.server.validate(&it.token).ok().await["state"], "CHALLENGE_REQUIRED");
}

#[tokio::test]
async fn the_first_end_stays() {
    let it = SignIn::start().await;
    it.decide(true).await;
    let body = it.server.cancel(&it.token, &it.challenge).ok().await;
    assert_eq!(body, json!({ "outcome": "approved" }));
    let twice = SignIn::start().await;
    for _ in 0..2 {
        let body = twice.server.cancel(&twice.token, &twice.challenge).ok().await;
        assert_eq!(body, json!({ "outcome": "cancelled" }));
    }
}

#[tokio::test]
async fn only_the_token_of_its_action_cancels_it() {
    let it = SignIn::start().await;
    let stranger = it.server.token("u-2").await;
    let instance = it.server.token("u-1").await;
    for token in [stranger, instance] {
        it.server.cancel(&token, &it.challenge).refused(400, "invalid_request").await;
    }
    it.server.cancel(&it.token, &"a".repeat(32)).refused(400, "invalid_request").await;
    assert!(it.outcome().await.get("outcome").is_none(), "it is still open");
}
