//! Tests of `POST …/session/nonce` and `POST …/session`, and of the routes that accept a device
//! session.

use countersign::token::Tokens;
use countersign::token::session::Session;
use countersign_core::id::{AuthenticatorId, CredentialKey, TenantId, Thumbprint};
use countersign_core::time::UnixMillis;
use countersign_engine::ports::{Clock as _, Store as _};
use countersign_engine::store::SqliteStore;
use countersign_engine::system::SystemClock;
use serde_json::{Value, json};

use crate::support::{Device, PUSH, Server, Setup, Stated, Statements, assert_keys};

#[tokio::test]
async fn one_signature_opens_a_session_of_fifteen_minutes() {
    let it = Stated::start().await;
    let nonce = it.server.statement_nonce(&it.device).await;
    let opened = it.server.open_session(&it.device.session_opening(&nonce)).ok().await;
    assert_keys(&opened, &["expiresIn", "token"]);
    assert_eq!(opened["expiresIn"], 900);
    let token = opened["token"].as_str().unwrap();
    let known = it.server.get(PUSH).bearer(token).ok().await;
    assert_eq!(
        (&known["userAuthenticatorId"], &known["userId"]),
        (&json!(it.authenticator), &json!("u-1"))
    );
    assert_eq!(
        (&known["signing"], &known["algorithm"]),
        (&json!("statement-v1"), &json!("ed25519"))
    );
    let shown = it.server.read(token).ok().await;
    assert_eq!(shown["challengeId"], *it.challenge);
    assert_eq!(shown["custom"], json!({}), "a session sees what a signed read does");
    assert!(shown["nonce"].is_string() && shown["display"].is_string());
    // The request may still name a key, which must be the session's own.
    let named = |device: &Device| it.server.get(&format!("{PUSH}/challenge?{}", device.query()));
    assert_eq!(named(&it.device).bearer(token).ok().await, shown);
    named(&Device::new()).bearer(token).refused(400, "invalid_request").await;
}

#[tokio::test]
async fn a_poll_with_a_session_waits_for_a_challenge() {
    let server = Server::start();
    let device = Device::browser();
    server.enroll_stated("u-1", &device).await;
    let session = server.session(&device).await;
    let token = server.token("u-1").await;
    let poll = server.read(&session).wait(30).send();
    let (answer, challenge) = tokio::join!(poll, server.challenge(&token));
    assert_eq!(answer.header("preference-applied"), Some("wait=30"));
    assert_eq!(answer.ok()["challengeId"], *challenge);
}

#[tokio::test]
async fn a_nonce_serves_one_session() {
    let it = Stated::start().await;
    let nonce = it.server.statement_nonce(&it.device).await;
    let opening = it.device.session_opening(&nonce);
    it.server.open_session(&opening).ok().await;
    it.server.open_session(&opening).refused(401, "invalid_credential").await;
}

#[tokio::test]
async fn a_session_wants_its_own_nonce_and_signature() {
    let it = Stated::start().await;
    let stranger = Device::ed25519();
    let nonce = it.server.statement_nonce(&it.device).await;
    let good = it.device.session_opening(&nonce);
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body
    };
    let other_tenant = format!("{}\nnonce:{nonce}", it.device.head("session", "other"));
    let refused = [
        with("signature", stranger.session_opening(&nonce)["signature"].clone()),
        with("signature", it.device.statement_removal(&nonce)["signature"].clone()),
        with("signature", it.device.sign(&other_tenant).into()),
        with("signature", it.device.sign(&nonce).into()),
        with("nonce", json!("A".repeat(43))),
        it.device.session_opening(&"A".repeat(43)),
        stranger.session_opening(&nonce),
    ];
    for body in refused {
        it.server.open_session(&body).refused(401, "invalid_credential").await;
    }
    for body in [
        with("nonce", json!("short")),
        with("nonce", json!(null)),
        with("signature", json!("?")),
        json!({}),
    ] {
        it.server.open_session(&body).refused(400, "invalid_request").await;
    }
    let path = format!("{PUSH}/session");
    it.server.post(&path).json(&good).refused(401, "unauthorized").await;
    it.server.post(&path).with_tenant("other").json(&good).refused(401, "invalid_credential").await;
    // None of the failed attempts used up the nonce.
    it.server.open_session(&good).ok().await;
}

#[tokio::test]
async fn strangers_cannot_use_up_a_nonce() {
    let it = Stated::start().await;
    let nonce = it.server.statement_nonce(&it.device).await;
    for _ in 0..8 {
        it.server.statement_nonce(&it.device).await;
    }
    it.server.open_session(&it.device.session_opening(&nonce)).ok().await;
}

#[tokio::test]
async fn a_session_ends_with_its_credential() {
    let it = Stated::start().await;
    let nonce = it.server.statement_nonce(&it.device).await;
    let removal = it.device.statement_removal(&nonce);
    it.server.post(&format!("{PUSH}/remove")).tenant().json(&removal).ok().await;
    it.server.read(&it.session).refused(401, "invalid_credential").await;
    it.server.get(PUSH).bearer(&it.session).refused(401, "invalid_credential").await;
    // After the key is enrolled again, its credential is new, and the old session is invalid.
    it.server.enroll_stated("u-1", &it.device).await;
    it.server.read(&it.session).refused(401, "invalid_token").await;
    it.server.get(PUSH).bearer(&it.session).refused(401, "invalid_token").await;
    let fresh = it.server.session(&it.device).await;
    it.server.read(&fresh).ok().await;
}

#[tokio::test]
async fn a_poll_that_waits_ends_with_its_credential() {
    let server = Server::start();
    let device = Device::ed25519();
    let id = server.enroll_stated("u-1", &device).await;
    let session = server.session(&device).await;
    let poll = server.read(&session).wait(30).send();
    let path = format!("/users/u-1/authenticators/{id}");
    let (answer, _) = tokio::join!(poll, server.delete(&path).secret().ok());
    answer.refused(401, "invalid_credential");
}

#[tokio::test]
async fn a_session_opens_two_routes_and_no_other_token_opens_them() {
    let it = Stated::start().await;
    for token in [&it.token, "a.b.c", "demo"] {
        it.server.read(token).refused(401, "invalid_token").await;
        it.server.get(PUSH).bearer(token).refused(401, "invalid_token").await;
    }
    let id = json!({ "challengeId": it.challenge });
    let post = |path: &str, body: &Value| it.server.post(path).bearer(&it.session).json(body);
    for path in [
        "/client/verify/push",
        "/client/cancel/push",
        "/client/leave/push",
        "/client/challenge/push",
        "/client/challenge",
    ] {
        post(path, &id).refused(401, "invalid_token").await;
    }
    let device = Device::ed25519();
    post(PUSH, &device.statement_enrollment(&it.session)).refused(401, "invalid_token").await;
    let list = it.server.get("/client/user-authenticators").bearer(&it.session);
    list.refused(401, "invalid_token").await;
    // A session only reads, because devices sign each decision and each change.
    let nonce = it.server.statement_nonce(&it.device).await;
    let key = json!({ "publicKey": it.device.public_key() });
    for (path, body) in [
        (format!("{PUSH}/session/nonce"), key),
        (format!("{PUSH}/session"), it.device.session_opening(&nonce)),
        (format!("{PUSH}/remove"), it.device.statement_removal(&nonce)),
        (format!("{PUSH}/challenge"), it.device.decision(&it.challenge, true)),
    ] {
        post(&path, &body).refused(401, "unauthorized").await;
    }
    let update = it.server.patch(PUSH).bearer(&it.session);
    update.json(&it.device.statement_update(&nonce, None)).refused(401, "unauthorized").await;
    // A backend cannot use the session either.
    it.server.get("/users/u-1").bearer(&it.session).refused(401, "unauthorized").await;
    assert_eq!(it.server.validate(&it.session).ok().await["isValid"], false);
    assert!(it.outcome().await.get("outcome").is_none(), "nothing has changed");
}

/// A server whose token keys are known to the test, and an enrolled device.
struct Known {
    server: Server,
    tokens: Tokens,
    device: Device,
    authenticator: String,
    _folder: tempfile::TempDir,
}

impl Known {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.db");
        let store = SqliteStore::open(&path).unwrap();
        let mut secrets = Vec::new();
        for (name, secret) in [("demo", [1; 32]), ("other", [2; 32])] {
            let tenant = TenantId::parse(name).unwrap();
            store.token_secret(&tenant, secret).await.unwrap();
            secrets.push((tenant, secret));
        }
        store.close().await.unwrap();
        drop(store);
        let url = format!("sqlite:{}", path.display());
        let server = Setup::default().set("store.url", &url).start();
        let device = Device::ed25519();
        let authenticator = server.enroll_stated("u-1", &device).await;
        Self { server, tokens: Tokens::new(secrets, 600), device, authenticator, _folder: folder }
    }

    fn session(&self, tenant: &str, issued_at: UnixMillis) -> Session {
        let (tenant, thumbprint) =
            (TenantId::parse(tenant).unwrap(), Thumbprint::of_spki(self.device.spki()));
        let binding = AuthenticatorId::parse(&self.authenticator).unwrap();
        Session { key: CredentialKey { tenant, thumbprint }, binding, issued_at }
    }

    fn make(&self, session: &Session) -> String {
        self.tokens.make_session(session, [3; 16]).unwrap()
    }
}

#[tokio::test]
async fn a_session_ends_after_fifteen_minutes_and_says_so() {
    let known = Known::start().await;
    let now = SystemClock.now();
    let young = known.make(&known.session("demo", now.minus_ms(840_000)));
    known.server.read(&young).ok().await;
    let old = known.make(&known.session("demo", now.minus_ms(901_000)));
    known.server.read(&old).refused(401, "expired_token").await;
    known.server.get(PUSH).bearer(&old).refused(401, "expired_token").await;
}

#[tokio::test]
async fn a_session_of_another_tenant_key_or_binding_reads_nothing() {
    let known = Known::start().await;
    let now = SystemClock.now();
    let elsewhere = known.make(&known.session("other", now));
    known.server.read(&elsewhere).refused(401, "invalid_credential").await;
    let binding = AuthenticatorId::from_entropy([9; 16]);
    let other_binding = known.make(&Session { binding, ..known.session("demo", now) });
    known.server.read(&other_binding).refused(401, "invalid_token").await;
    let session = known.session("demo", now);
    let key = CredentialKey { thumbprint: Thumbprint::of_spki(b"another"), ..session.key.clone() };
    let other_key = known.make(&Session { key, ..session.clone() });
    known.server.read(&other_key).refused(401, "invalid_credential").await;
    // A session with the claims of one tenant, signed with the key of another tenant.
    let forger = Tokens::new([(TenantId::parse("demo").unwrap(), [2; 32])], 600);
    let forged = forger.make_session(&session, [3; 16]).unwrap();
    known.server.read(&forged).refused(401, "invalid_token").await;
    known.server.read(&known.make(&session)).ok().await;
}

#[tokio::test]
async fn whoever_only_knows_a_key_that_signs_statements_is_told_nothing_of_it() {
    let it = Stated::start().await;
    let asked = |device: &Device| it.server.get(&format!("{PUSH}?{}", device.query())).tenant();
    let told = asked(&it.device).refused(401, "invalid_credential").await;
    let nobody = asked(&Device::browser()).refused(401, "invalid_credential").await;
    assert_eq!(told, nobody);
}
