//! Tests of a key's signing mode. It is chosen at enrollment, can be raised with a proof, and can
//! never be lowered.

use countersign_core::possession::removal_text_at;
use countersign_engine::ports::Clock as _;
use countersign_engine::system::SystemClock;
use serde_json::{Value, json};

use crate::support::{Device, PUSH, Server, Setup, SignIn, Stated, Statements, assert_keys};

async fn add_token(server: &Server, user: &str) -> String {
    let tracked = server.track(user, json!({ "scope": "add:authenticators" })).await;
    tracked["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_key_of_each_kind_is_enrolled_with_a_proof_and_decides_by_statements() {
    let devices = [Device::ed25519(), Device::new(), Device::browser()];
    for (device, algorithm) in devices.into_iter().zip(["ed25519", "es256", "es256"]) {
        let it = Stated::on(Server::start(), device).await;
        let known = it.server.get(PUSH).bearer(&it.session).ok().await;
        assert_eq!(known["signing"], "statement-v1");
        assert_eq!(known["algorithm"], algorithm);
        let answer = it.device.statement(&it.shown().await, "approve", None);
        let told = it.send(&answer).ok().await;
        assert_eq!(told, json!({ "isVerified": true, "outcome": "approved" }));
    }
}

#[tokio::test]
async fn a_key_that_is_to_sign_statements_proves_that_its_app_holds_it() {
    let server = Server::start();
    let (device, stranger) = (Device::ed25519(), Device::ed25519());
    let (token, other) = (add_token(&server, "u-1").await, add_token(&server, "u-1").await);
    let good = device.statement_enrollment(&token);
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body
    };
    let enroll = |body: &Value| server.post(PUSH).bearer(&token).json(body);
    enroll(&with("proof", json!(null))).refused(400, "invalid_request").await;
    for proof in [
        stranger.statement_enrollment(&token)["proof"].clone(),
        device.statement_enrollment(&other)["proof"].clone(),
        json!("AAAA"),
    ] {
        enroll(&with("proof", proof.clone())).refused(401, "invalid_credential").await;
        // An invalid proof is rejected even if the enrollment needs no proof.
        let mut less = with("proof", proof);
        less["signing"] = json!("challenge-id");
        enroll(&less).refused(401, "invalid_credential").await;
    }
    for (name, value) in [
        ("signing", "statement-v2"),
        ("signing", ""),
        ("signatureFormat", "der"),
        ("signatureFormat", "p1363"),
        ("algorithm", "es256"),
        ("proof", "?"),
    ] {
        enroll(&with(name, json!(value))).refused(400, "invalid_request").await;
    }
    let user = server.get("/users/u-1").secret().ok().await;
    assert_eq!(user["isEnrolled"], false, "nothing has changed");
    let enrolled = enroll(&good).ok().await;
    assert_eq!(enrolled["signing"], "statement-v1");
}

#[tokio::test]
async fn what_a_key_signs_rises_with_a_proof_and_never_falls() {
    let it = SignIn::on(Server::start(), Device::ed25519()).await;
    let server = &it.server;
    let raised = server.enroll_stated("u-1", &it.device).await;
    assert_eq!(raised, it.authenticator, "it is the same authenticator");
    let call = server.post(PUSH).bearer(&add_token(server, "u-1").await);
    call.json(&it.device.enrollment()).refused(400, "invalid_request").await;
    // An enrollment for another user cannot lower it either, because anybody who knows the public
    // key can enroll the key.
    let call = server.post(PUSH).bearer(&add_token(server, "stranger").await);
    call.json(&it.device.enrollment()).refused(400, "invalid_request").await;
    server.decide(&it.device, &it.challenge, true).refused(401, "invalid_credential").await;
    assert!(it.outcome().await.get("outcome").is_none(), "nothing has changed");
}

#[tokio::test]
async fn what_a_key_signs_rises_for_all_its_users_and_outlives_the_one_who_raised_it() {
    let it = SignIn::on(Server::start(), Device::ed25519()).await;
    let server = &it.server;
    let second = server.enroll_stated("u-2", &it.device).await;
    server.decide(&it.device, &it.challenge, true).refused(401, "invalid_credential").await;
    let path = format!("/users/u-2/authenticators/{second}");
    server.delete(&path).secret().ok().await;
    server.decide(&it.device, &it.challenge, true).refused(401, "invalid_credential").await;
    let session = server.session(&it.device).await;
    let shown = server.read(&session).ok().await;
    assert_eq!(shown["challengeId"], *it.challenge);
    server.answer(&it.device, &it.device.statement(&shown, "approve", None)).ok().await;
}

#[tokio::test]
async fn nothing_that_the_official_sdks_sign_serves_a_key_that_signs_statements() {
    let it = Stated::start().await;
    let server = &it.server;
    let query = it.device.query();
    // For a key that signs statements, the server issues no nonces of the official SDKs' protocol,
    // and accepts no signatures over texts of that protocol.
    for path in ["challenge/sign", "sign"] {
        let call = server.post(&format!("{PUSH}/{path}?{query}")).tenant();
        call.refused(401, "invalid_credential").await;
    }
    let nonce = server.statement_nonce(&it.device).await;
    for text in [format!("nonce:{nonce}"), nonce.clone(), it.challenge.clone()] {
        let read =
            server.pending(&it.device).header("X-Authsignal-Signature", &it.device.sign(&text));
        read.refused(401, "invalid_token").await;
    }
    server.pending(&it.device).refused(401, "invalid_token").await;
    let good_bye = removal_text_at(SystemClock.now());
    let remove =
        json!({ "publicKey": it.device.public_key(), "signature": it.device.sign(&good_bye) });
    let call = server.post(&format!("{PUSH}/remove")).tenant().json(&remove);
    call.refused(401, "invalid_credential").await;
    let update = json!({
        "publicKey": it.device.public_key(), "challengeId": nonce,
        "signature": it.device.sign(&format!("nonce-update:{nonce}")),
    });
    server.patch(PUSH).tenant().json(&update).refused(401, "invalid_credential").await;
    for approved in [true, false] {
        let answer = it.device.decision(&it.challenge, approved);
        it.send(&answer).refused(401, "invalid_credential").await;
    }
    assert!(it.outcome().await.get("outcome").is_none(), "nothing has changed");
    assert_eq!(it.shown().await["challengeId"], *it.challenge);
}

#[tokio::test]
async fn a_key_that_signs_challenge_ids_has_no_statements() {
    let it = SignIn::on(Server::start(), Device::ed25519()).await;
    let key = json!({ "publicKey": it.device.public_key() });
    let nonce = it.server.post(&format!("{PUSH}/session/nonce")).tenant().json(&key);
    nonce.refused(401, "invalid_credential").await;
    let nonce = "A".repeat(43);
    let opening = it.device.session_opening(&nonce);
    it.server.open_session(&opening).refused(401, "invalid_credential").await;
    let removal = it.device.statement_removal(&nonce);
    let call = it.server.post(&format!("{PUSH}/remove")).tenant().json(&removal);
    call.refused(401, "invalid_credential").await;
    let shown = it.server.signed_pending(&it.device).await;
    let answer = it.device.statement(&shown, "approve", None);
    it.server.answer(&it.device, &answer).refused(401, "invalid_credential").await;
    assert!(it.outcome().await.get("outcome").is_none(), "nothing has changed");
}

#[tokio::test]
async fn where_statements_are_asked_for_less_is_neither_enrolled_nor_asked() {
    let strict = || Setup::default().set("tenants.0.push.require_statement", "true").start();
    let server = strict();
    let official = Device::new();
    let call = server.post(PUSH).bearer(&add_token(&server, "u-1").await);
    call.json(&official.enrollment()).refused(400, "invalid_request").await;
    let it = Stated::on(server, Device::browser()).await;
    let answer = it.device.statement(&it.shown().await, "approve", None);
    assert_eq!(it.send(&answer).ok().await["isVerified"], true);
}

#[tokio::test]
async fn phones_of_before_statements_were_asked_for_decide_nothing_more() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("test.db").display());
    let open = |strict: &str| {
        let setup = Setup::default().set("store.url", &url);
        setup.set("tenants.0.push.require_statement", strict).start()
    };
    let mut before = SignIn::on(open("false"), Device::new()).await;
    before.server.tell_to_stop();
    let SignIn { server, device, token, challenge, .. } = before;
    server.ended().await.unwrap();
    let after = open("true");
    after.decide(&device, &challenge, true).refused(400, "invalid_request").await;
    assert!(after.outcome(&token, &challenge).await.get("outcome").is_none());
    let fresh = after.token("u-1").await;
    let start = after.post("/client/challenge/push").bearer(&fresh).json(&json!({}));
    start.refused(400, "invalid_request").await;
    // The user still counts as enrolled, so that the server still requires a challenge.
    assert_eq!(after.track("u-1", json!({})).await["state"], "CHALLENGE_REQUIRED");
    // The phone can only raise its signing mode.
    after.enroll_stated("u-1", &device).await;
    let session = after.session(&device).await;
    after.challenge(&fresh).await;
    let shown = after.read(&session).ok().await;
    after.answer(&device, &device.statement(&shown, "approve", None)).ok().await;
}

#[tokio::test]
async fn a_credential_is_updated_and_removed_by_statements() {
    let it = Stated::start().await;
    let nonce = it.server.statement_nonce(&it.device).await;
    let good = it.device.statement_update(&nonce, Some("fresh-token"));
    let patch = |body: &Value| it.server.patch(PUSH).tenant().json(body);
    for (name, value) in [
        ("pushToken", json!("another-token")),
        ("pushToken", json!(null)),
        ("signature", it.device.statement_removal(&nonce)["signature"].clone()),
        ("signature", it.device.session_opening(&nonce)["signature"].clone()),
    ] {
        let mut body = good.clone();
        body[name] = value;
        patch(&body).refused(401, "invalid_credential").await;
    }
    let updated = patch(&good).ok().await;
    assert_keys(&updated, &["lastVerifiedAt", "pushToken", "userAuthenticatorId", "userId"]);
    patch(&good).refused(401, "invalid_credential").await;
    let nonce = it.server.statement_nonce(&it.device).await;
    patch(&it.device.statement_update(&nonce, None)).ok().await;

    let nonce = it.server.statement_nonce(&it.device).await;
    let remove = |body: &Value| it.server.post(&format!("{PUSH}/remove")).tenant().json(body);
    let mut forged = it.device.statement_removal(&nonce);
    forged["signature"] = it.device.session_opening(&nonce)["signature"].clone();
    remove(&forged).refused(401, "invalid_credential").await;
    let removed = remove(&it.device.statement_removal(&nonce)).ok().await;
    assert_eq!(removed, json!({ "removedAuthenticatorId": it.authenticator }));
    assert_eq!(it.outcome().await["outcome"], "revoked");
}
