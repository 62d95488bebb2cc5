//! Tests of `POST /client/challenge`: a nonce for features of the mobile SDKs other than push.

use serde_json::json;

use crate::support::{Server, SignIn, assert_keys};

const PATH: &str = "/client/challenge";

#[tokio::test]
async fn a_token_or_a_tenant_gets_a_nonce() {
    let server = Server::start();
    let token = server.token("u-1").await;
    let body = json!({ "action": "signIn", "idempotencyKey": "k" });
    let by_token = server.post(PATH).bearer(&token).json(&body).ok().await;
    let by_tenant = server.post(PATH).tenant().ok().await;
    for answer in [&by_token, &by_tenant] {
        assert_keys(answer, &["challengeId", "nonce"]);
        let nonce = answer["nonce"].as_str().unwrap();
        assert!((16..=500).contains(&nonce.len()), "as Play Integrity asks for");
    }
    assert_ne!(by_token["nonce"], by_tenant["nonce"]);
}

#[tokio::test]
async fn it_is_no_push_challenge() {
    let it = SignIn::start().await;
    let generic = it.server.post(PATH).bearer(&it.token).ok().await;
    for name in ["challengeId", "nonce"] {
        let id = generic[name].as_str().unwrap();
        it.server.verify(&it.token, id).refused(400, "invalid_request").await;
        it.server.decide(&it.device, id, true).refused(400, "invalid_request").await;
    }
}

#[tokio::test]
async fn strangers_and_other_actions_are_refused() {
    let server = Server::start();
    let token = server.token("u-1").await;
    let other = server.post(PATH).bearer(&token).json(&json!({ "action": "pay" }));
    other.refused(400, "invalid_request").await;
    server.post(PATH).refused(401, "unauthorized").await;
    server.post(PATH).with_tenant("nobody").refused(401, "unauthorized").await;
    server.post(PATH).bearer("a.b.c").refused(401, "invalid_token").await;
}
