//! Tests of `POST …/challenge/sign` and `POST …/sign`.

use countersign_core::id::ChallengeId;

use crate::support::{Device, PUSH, Server, SignIn, assert_keys};

#[tokio::test]
async fn nonces_are_fresh_and_never_a_challenge_id() {
    let it = SignIn::start().await;
    let mut seen = Vec::new();
    for path in ["challenge/sign", "sign", "challenge/sign"] {
        let call = it.server.post(&format!("{PUSH}/{path}?{}", it.device.query())).tenant();
        let body = call.ok().await;
        let update = path == "sign";
        assert_keys(&body, if update { &["challengeId", "message"] } else { &["message"] });
        for (_, text) in body.as_object().unwrap() {
            let text = text.as_str().unwrap().to_owned();
            assert!(ChallengeId::parse(&text).is_err(), "{text}");
            // A signed nonce approves no challenge.
            it.server.decide(&it.device, &text, true).refused(400, "invalid_request").await;
            seen.push(text);
        }
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 4);
}

#[tokio::test]
async fn a_signature_over_a_nonce_approves_nothing() {
    let it = SignIn::start().await;
    let nonce = it.server.nonce(&it.device).await;
    let mut body = it.device.decision(&it.challenge, true);
    body["signature"] = it.device.sign(&nonce).into();
    it.server.answer(&it.device, &body).refused(401, "invalid_credential").await;
}

#[tokio::test]
async fn an_unknown_key_and_an_unknown_tenant_get_none() {
    let server = Server::start();
    let device = Device::new();
    for path in ["challenge/sign", "sign"] {
        let path = format!("{PUSH}/{path}?{}", device.query());
        server.post(&path).tenant().refused(401, "invalid_credential").await;
        server.post(&path).with_tenant("nobody").refused(401, "unauthorized").await;
        server.post(&path).refused(401, "unauthorized").await;
    }
    let call = server.post(&format!("{PUSH}/sign")).tenant();
    call.refused(400, "invalid_request").await;
}
