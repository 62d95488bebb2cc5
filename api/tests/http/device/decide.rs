//! Tests of `POST …/challenge`: a device approves or denies.

use serde_json::{Value, json};

use crate::support::{Device, PUSH, Server, SignIn};

#[tokio::test]
async fn an_approval_is_answered_once_it_is_recorded() {
    for device in [Device::new(), Device::ed25519()] {
        let it = SignIn::on(Server::start(), device).await;
        assert_eq!(it.decide(true).await, json!({ "isVerified": true, "outcome": "approved" }));
        assert_eq!(it.server.validate(&it.token).ok().await["isValid"], true);
    }
}

#[tokio::test]
async fn a_denial_is_a_success_that_verifies_nothing() {
    let it = SignIn::start().await;
    assert_eq!(it.decide(false).await, json!({ "isVerified": false, "outcome": "denied" }));
    assert_eq!(it.server.validate(&it.token).ok().await["state"], "CHALLENGE_FAILED");
}

#[tokio::test]
async fn the_same_answer_again_is_told_the_same() {
    for approved in [true, false] {
        let it = SignIn::start().await;
        let first = it.decide(approved).await;
        assert_eq!(it.decide(approved).await, first);
        assert_eq!(it.decide(approved).await, first);
    }
}

#[tokio::test]
async fn a_contradicting_answer_is_refused_and_changes_nothing() {
    for approved in [true, false] {
        let it = SignIn::start().await;
        it.decide(approved).await;
        let other = it.server.decide(&it.device, &it.challenge, !approved);
        other.refused(400, "invalid_request").await;
        assert_eq!(it.outcome().await["isVerified"], approved);
    }
}

#[tokio::test]
async fn a_wrong_signature_is_refused_and_changes_nothing() {
    let it = SignIn::start().await;
    let stranger = Device::new();
    let good = it.device.decision(&it.challenge, true);
    for signature in [
        it.device.sign("another text"),
        it.device.sign(""),
        stranger.sign(&it.challenge),
        Device::ed25519().sign(&it.challenge),
        "AAAA".to_owned(),
        String::new(),
    ] {
        let mut body = good.clone();
        body["signature"] = json!(signature);
        let answer = it.server.answer(&it.device, &body);
        answer.refused(401, "invalid_credential").await;
    }
    assert!(it.outcome().await.get("outcome").is_none(), "it is still open");
    it.decide(true).await;
}

#[tokio::test]
async fn a_signature_in_the_other_encoding_is_told_which_one_is_expected() {
    let text = |body: Value| body["errorDescription"].as_str().unwrap().to_owned();
    let it = SignIn::start().await;
    let mut body = it.device.decision(&it.challenge, true);
    body["signature"] = json!(Device::browser().sign(&it.challenge));
    let told = text(it.server.answer(&it.device, &body).refused(401, "invalid_credential").await);
    assert!(told.contains("ASN.1 DER") && told.contains("signatureFormat"), "{told}");
    // The signature is well-formed, but it is over another text.
    body["signature"] = json!(it.device.sign("another text"));
    let told = text(it.server.answer(&it.device, &body).refused(401, "invalid_credential").await);
    assert_eq!(told, "the signature does not verify");
    assert!(it.outcome().await.get("outcome").is_none(), "it is still open");

    let browser = Device::browser();
    let token = it.server.track("u-2", json!({ "scope": "add:authenticators" })).await;
    let mut enrollment = browser.enrollment();
    enrollment["signatureFormat"] = json!("p1363");
    let call = it.server.post(PUSH).bearer(token["token"].as_str().unwrap()).json(&enrollment);
    call.ok().await;
    let call = it.server.post(&format!("{PUSH}/remove")).tenant();
    let removal = json!({
        "publicKey": browser.public_key(), "signature": Device::new().sign("2892816.0"),
    });
    let told = text(call.json(&removal).refused(401, "invalid_credential").await);
    assert!(told.contains("r and s") && told.contains("p1363"), "{told}");
}

#[tokio::test]
async fn a_wrapped_signature_and_key_are_as_good_as_those_on_one_line() {
    let wrapped = |value: &Value| {
        let lines = value.as_str().unwrap().as_bytes().chunks(64);
        lines.map(|line| String::from_utf8_lossy(line) + "\r\n").collect::<String>()
    };
    let it = SignIn::start().await;
    let mut body = it.device.decision(&it.challenge, true);
    for field in ["publicKey", "signature"] {
        body[field] = json!(wrapped(&body[field]));
    }
    let answer = it.server.answer(&it.device, &body).ok().await;
    assert_eq!(answer["outcome"], "approved");
}

#[tokio::test]
async fn a_key_that_is_not_enrolled_is_no_credential() {
    let it = SignIn::start().await;
    let stranger = Device::new();
    let answer = it.server.decide(&stranger, &it.challenge, true);
    answer.refused(401, "invalid_credential").await;
    let elsewhere = it.server.post(&format!("{PUSH}/challenge")).with_tenant("other");
    let body = it.device.decision(&it.challenge, true);
    elsewhere.json(&body).refused(401, "invalid_credential").await;
    let nobody = it.server.post(&format!("{PUSH}/challenge")).with_tenant("nobody");
    nobody.json(&body).refused(401, "unauthorized").await;
}

#[tokio::test]
async fn the_device_of_another_user_may_not_answer() {
    let it = SignIn::start().await;
    let theirs = Device::new();
    it.server.enroll("u-2", &theirs).await;
    let foreign = it.server.decide(&theirs, &it.challenge, true);
    let foreign = foreign.refused(400, "invalid_request").await;
    let unknown = it.server.decide(&theirs, &"a".repeat(32), true);
    assert_eq!(unknown.refused(400, "invalid_request").await, foreign, "nobody learns what exists");
    it.decide(true).await;
    let ended = it.server.decide(&theirs, &it.challenge, true);
    assert_eq!(ended.refused(400, "invalid_request").await, foreign);
}

#[tokio::test]
async fn a_device_enrolled_after_the_challenge_may_not_answer_it() {
    let it = SignIn::start().await;
    let late = Device::new();
    it.server.enroll("u-1", &late).await;
    assert!(it.server.pending(&late).ok().await.get("challengeId").is_none());
    it.server.decide(&late, &it.challenge, true).refused(400, "invalid_request").await;
}

#[tokio::test]
async fn a_number_that_was_not_asked_for_does_no_harm() {
    for code in [json!(null), json!(""), json!("123456")] {
        let it = SignIn::start().await;
        let mut body = it.device.decision(&it.challenge, true);
        body["verificationCode"] = code;
        assert_eq!(it.server.answer(&it.device, &body).ok().await["isVerified"], true);
    }
}

#[tokio::test]
async fn an_answer_without_one_of_its_fields_is_refused() {
    let it = SignIn::start().await;
    for field in ["publicKey", "challengeId", "signature", "approved"] {
        for value in [None, Some(Value::Null), Some(json!(1)), Some(json!([]))] {
            let mut body = it.device.decision(&it.challenge, true);
            match value {
                Some(value) => body[field] = value,
                None => drop(body.as_object_mut().unwrap().remove(field)),
            }
            it.server.answer(&it.device, &body).refused(400, "invalid_request").await;
        }
    }
    let mut body = it.device.decision(&it.challenge, true);
    body["approved"] = json!("true");
    it.server.answer(&it.device, &body).refused(400, "invalid_request").await;
    body["approved"] = json!(true);
    body["verificationCode"] = json!("1".repeat(17));
    it.server.answer(&it.device, &body).refused(400, "invalid_request").await;
    assert!(it.outcome().await.get("outcome").is_none(), "it is still open");
}
