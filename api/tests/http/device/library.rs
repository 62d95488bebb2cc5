//! Tests of the device library against the real server, in flows of several requests.

use countersign_client::{
    Choice, Enrollment, Http, Prompt, RelyingParty, SoftwareKey, StatementDevice,
};
use countersign_core::outcome::Decision;
use countersign_core::signature::{Algorithm, SignatureFormat};
use serde_json::json;

use crate::support::{SECRET, Server};

fn device(server: &Server, algorithm: Algorithm, format: SignatureFormat) -> StatementDevice {
    let base = format!("http://{}/v1", server.address);
    let key = SoftwareKey::generate(algorithm);
    StatementDevice::new(Http::new().unwrap(), &base, "demo", format, key).unwrap()
}

#[tokio::test]
async fn a_session_that_died_with_its_credential_is_renewed_for_the_next() {
    let server = Server::start();
    let device = device(&server, Algorithm::Ed25519, SignatureFormat::Raw);
    let token = server.token("u-1").await;
    let enrolled = device.enroll(&token, &Enrollment::default()).await.unwrap();
    assert!(device.pending(None).await.unwrap().challenges.is_empty());
    let base = format!("http://{}/v1", server.address);
    let party = RelyingParty::new(Http::new().unwrap(), &base, SECRET).unwrap();
    party.delete_authenticator("u-1", &enrolled.user_authenticator_id).await.unwrap();
    let gone = device.pending(None).await.unwrap_err();
    assert_eq!(gone.code(), Some("invalid_credential"));
    let again = device.enroll(&token, &Enrollment::default()).await.unwrap();
    assert_ne!(again.user_authenticator_id, enrolled.user_authenticator_id);
    let read = device.get_credential().await.unwrap();
    assert_eq!(read.user_authenticator_id, again.user_authenticator_id);
    assert_eq!(read.signing.as_deref(), Some("statement-v1"));
}

#[tokio::test]
async fn one_read_shows_all_that_is_pending_and_each_can_be_answered() {
    let server = Server::start();
    let device = device(&server, Algorithm::Es256, SignatureFormat::P1363);
    let token = server.token("u-1").await;
    device.enroll(&token, &Enrollment::default()).await.unwrap();
    let mut started = Vec::new();
    for action in ["signIn", "pay"] {
        let path = format!("/users/u-1/actions/{action}");
        let tracked = server.post(&path).secret().json(&json!({})).ok().await;
        let token = tracked["token"].as_str().unwrap().to_owned();
        started.push((server.challenge(&token).await, token));
    }
    let pending = device.pending(None).await.unwrap();
    let prompts: Vec<_> = pending.challenges.iter().map(|c| Prompt::try_from(c).unwrap()).collect();
    assert_eq!(prompts.len(), 2);
    for prompt in &prompts {
        let shown_action = prompt.display().action();
        let decision = if shown_action == "pay" { Decision::Deny } else { Decision::Approve };
        let choice = Choice { shown_action, decision, number: None };
        let answered = device.answer(prompt, &choice).await.unwrap();
        assert_eq!(answered.is_verified, decision == Decision::Approve);
        // The response was lost. The device repeats the same answer and gets the same response.
        assert_eq!(device.answer(prompt, &choice).await.unwrap(), answered);
    }
    for ((challenge, token), outcome) in started.iter().zip(["approved", "denied"]) {
        assert_eq!(server.outcome(token, challenge).await["outcome"], outcome);
    }
}
