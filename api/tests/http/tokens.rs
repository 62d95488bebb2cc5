//! Tests of bearer tokens: which token is valid on which route.

use countersign::token::scope::Scopes;
use countersign::token::{Kind, PageWish, Token, Tokens};
use countersign_core::id::{AccountKey, ActionCode, ActionKey, IdempotencyKey, TenantId, UserId};
use countersign_core::time::UnixMillis;
use countersign_engine::ports::{Clock as _, Store as _};
use countersign_engine::store::SqliteStore;
use countersign_engine::system::SystemClock;
use countersign_wire::token;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Answer, Device, NEXT_SECRET, PUSH, SECRET, Server, Setup, SignIn};

const LIFETIME_SECONDS: u64 = 600;

/// A server whose token keys are known to the test.
struct Known {
    server: Server,
    tokens: Tokens,
    _folder: TempDir,
}

impl Known {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.db");
        let store = SqliteStore::open(&path).unwrap();
        let mut secrets = Vec::new();
        for (name, secret) in [("demo", [1; 32]), ("other", [2; 32])] {
            let tenant = TenantId::parse(name).unwrap();
            assert_eq!(store.token_secret(&tenant, secret).await, Ok(secret), "the first is kept");
            secrets.push((tenant, secret));
        }
        store.close().await.unwrap();
        drop(store);
        let server =
            Setup::default().set("store.url", &format!("sqlite:{}", path.display())).start();
        let tokens = Tokens::new(secrets, LIFETIME_SECONDS);
        Self { server, tokens, _folder: folder }
    }

    fn make(&self, tenant: &str, kind: Kind, at: UnixMillis) -> String {
        let account = AccountKey {
            tenant: TenantId::parse(tenant).unwrap(),
            user: UserId::parse("u-1").unwrap(),
        };
        let action = ActionKey {
            code: ActionCode::parse("signIn").unwrap(),
            idempotency_key: IdempotencyKey::parse("k-1").unwrap(),
        };
        let (scopes, page) = (Scopes::all(), PageWish::default());
        let token = Token { kind, account, action, born: None, scopes, issued_at: at, page };
        self.tokens.make(&token, [3; 16]).unwrap()
    }
}

/// Calls every route that takes a token, and returns the responses by name.
async fn call_all(server: &Server, token: &str, challenge: &str) -> Vec<(&'static str, Answer)> {
    let id = json!({ "challengeId": challenge });
    let routes: [(&str, Method, &str, Value); 8] = [
        ("verify", Method::POST, "/client/verify/push", id.clone()),
        ("list", Method::GET, "/client/user-authenticators", json!({})),
        ("challenge", Method::POST, "/client/challenge", json!({})),
        ("enroll", Method::POST, PUSH, Device::new().enrollment()),
        ("leave", Method::POST, "/client/leave/push", id.clone()),
        ("ticket", Method::POST, "/client/user-authenticators/push/ticket", json!({})),
        ("cancel", Method::POST, "/client/cancel/push", id),
        ("start", Method::POST, "/client/challenge/push", json!({})),
    ];
    let mut answers = Vec::new();
    for (name, method, path, body) in routes {
        answers.push((name, server.call(method, path).bearer(token).json(&body).send().await));
    }
    answers
}

async fn validated(server: &Server, token: &str) -> Value {
    server.validate(token).ok().await
}

#[tokio::test]
async fn a_tracked_and_a_verified_token_open_every_client_route() {
    let known = Known::start().await;
    let server = &known.server;
    server.enroll("u-1", &Device::new()).await;
    let scope = json!({ "idempotencyKey": "k-1", "scope": "add:authenticators" });
    let tracked = server.track("u-1", scope).await["token"].as_str().unwrap().to_owned();
    let verified = known.make("demo", Kind::Verified, SystemClock.now());
    let challenge = server.challenge(&tracked).await;
    for (name, answer) in call_all(server, &tracked, &challenge).await {
        assert_eq!(answer.status, 200, "{name}: {}", answer.text);
    }
    assert_eq!(validated(server, &tracked).await["state"], "CHALLENGE_REQUIRED");
    // A token of an approval gives no access to the user's data if the action is not approved.
    for (name, answer) in call_all(server, &verified, &challenge).await {
        let needs_approval = matches!(name, "enroll" | "list" | "start" | "ticket");
        assert_eq!(
            answer.status,
            if needs_approval { 401 } else { 200 },
            "{name}: {}",
            answer.text
        );
    }
    assert_eq!(validated(server, &verified).await["isValid"], false);
    let state = json!({ "state": "CHALLENGE_SUCCEEDED" });
    server.patch("/users/u-1/actions/signIn/k-1").secret().json(&state).ok().await;
    for (name, answer) in call_all(server, &verified, &challenge).await {
        // The server starts no challenge for an action that has succeeded.
        assert_eq!(
            answer.status,
            if name == "start" { 400 } else { 200 },
            "{name}: {}",
            answer.text
        );
    }
}

#[tokio::test]
async fn an_expired_token_opens_nothing_and_says_so() {
    let known = Known::start().await;
    let server = &known.server;
    server.track("u-1", json!({ "idempotencyKey": "k-1" })).await;
    let state = json!({ "state": "CHALLENGE_SUCCEEDED" });
    server.patch("/users/u-1/actions/signIn/k-1").secret().json(&state).ok().await;
    let age_ms = (LIFETIME_SECONDS + 1) * 1000;
    for kind in [Kind::Track, Kind::Verified] {
        let token = known.make("demo", kind, SystemClock.now().minus_ms(age_ms));
        for (name, answer) in call_all(server, &token, &"a".repeat(32)).await {
            assert_eq!(answer.status, 401, "{name}");
            answer.refused(401, "expired_token");
        }
        let body = validated(server, &token).await;
        assert_eq!(body["isValid"], false, "not even after success");
        assert!(body.get("userId").is_none(), "{body}");
        // A new token is valid.
        let young = known.make("demo", kind, SystemClock.now());
        assert_eq!(validated(server, &young).await["isValid"], true);
    }
}

#[tokio::test]
async fn a_token_says_when_it_ends() {
    let server = Setup::default().set("tokens.lifetime_seconds", "60").start();
    let token = server.token("u-1").await;
    assert_eq!(token::named(&token), Some(("demo".to_owned(), "u-1".to_owned())));
    let (issued, ends) = lifetime_of(&token);
    assert_eq!(ends - issued, 60);
    assert!(SystemClock.now().seconds().abs_diff(issued) < 60);
}

#[tokio::test]
async fn what_is_no_token_opens_nothing() {
    let it = SignIn::start().await;
    let (body, mac) = it.token.split_once('.').unwrap();
    let other = it.server.token("u-2").await;
    let (others_body, _) = other.split_once('.').unwrap();
    for token in [
        "a.b.c",
        "..",
        SECRET,
        "demo",
        body,
        &format!("{body}."),
        &format!("{body}.{}", &mac[..mac.len() - 4]),
        &format!("{others_body}.{mac}"),
        // The header of a JWT without a signature.
        &format!("eyJhbGciOiJub25lIiwidHlwIjoidHJhY2srand0Iiwia2lkIjoiZGVtbyJ9.{body}."),
        &"A".repeat(6000),
    ] {
        for (name, answer) in call_all(&it.server, token, &it.challenge).await {
            assert_eq!(answer.status, 401, "{name} {token:.40}");
            answer.refused(401, "invalid_token");
        }
        let body = validated(&it.server, token).await;
        assert_eq!(body["isValid"], false);
    }
    assert!(it.outcome().await.get("outcome").is_none(), "nothing has changed");
}

#[tokio::test]
async fn a_basic_header_opens_no_client_route_and_a_token_no_other() {
    let it = SignIn::start().await;
    let verify = it.server.post("/client/verify/push");
    verify
        .secret()
        .json(&json!({ "challengeId": it.challenge }))
        .refused(401, "invalid_token")
        .await;
    it.server.get("/users/u-1").bearer(&it.token).refused(401, "unauthorized").await;
    it.server.post("/validate").bearer(&it.token).refused(401, "unauthorized").await;
    let pending = it.server.get(&format!("{PUSH}/challenge?{}", it.device.query()));
    pending.bearer(&it.token).refused(401, "invalid_token").await;
}

#[tokio::test]
async fn a_token_of_another_tenant_acts_there_and_nowhere_else() {
    let it = SignIn::start().await;
    let path = "/users/u-1/actions/signIn";
    let tracked = it.server.post(path).with_secret("the-secret-of-other").ok().await;
    let token = tracked["token"].as_str().unwrap();
    it.server.verify(token, &it.challenge).refused(400, "invalid_request").await;
    it.server.cancel(token, &it.challenge).refused(400, "invalid_request").await;
    let listed = it.server.get("/client/user-authenticators").bearer(token).ok().await;
    assert_eq!(listed, json!([]), "its own user of that name has none");
    assert_eq!(validated(&it.server, token).await["isValid"], false);
    // A token with the claims of this tenant is invalid if it is signed with the other tenant's
    // key.
    let known = Known::start().await;
    let forger = Tokens::new([(TenantId::parse("demo").unwrap(), [2; 32])], LIFETIME_SECONDS);
    let forged = Known { tokens: forger, ..known };
    let token = forged.make("demo", Kind::Track, SystemClock.now());
    for (_, answer) in call_all(&forged.server, &token, &it.challenge).await {
        answer.refused(401, "invalid_token");
    }
}

#[tokio::test]
async fn the_token_of_a_deleted_user_opens_nothing() {
    let it = SignIn::start().await;
    it.server.delete("/users/u-1").secret().ok().await;
    for (name, answer) in call_all(&it.server, &it.token, &it.challenge).await {
        match name {
            // This request does not concern the user.
            "challenge" => assert_eq!(answer.status, 200),
            // A caller that waited for the challenge gets its outcome.
            "verify" | "cancel" | "leave" => assert_eq!(answer.ok()["outcome"], "revoked"),
            _ => drop(answer.refused(401, "invalid_token")),
        }
    }
    let body = validated(&it.server, &it.token).await;
    assert_eq!(body["isValid"], false);
    let user = it.server.get("/users/u-1").secret().ok().await;
    assert_eq!(user["isEnrolled"], false, "no key came back by the token");
}

#[tokio::test]
async fn what_an_approval_earned_ends_with_the_device_that_gave_it() {
    let it = SignIn::start().await;
    let other = it.server.enroll("u-1", &Device::new()).await;
    it.decide(true).await;
    let earned = it.outcome().await["accessToken"].as_str().unwrap().to_owned();
    assert_eq!(validated(&it.server, &earned).await["isValid"], true);
    let stolen = format!("/users/u-1/authenticators/{}", it.authenticator);
    it.server.delete(&stolen).secret().ok().await;
    let thief = it.server.post(PUSH).bearer(&earned).json(&Device::new().enrollment());
    thief.refused(401, "invalid_token").await;
    let removal = it.server.post("/client/user-authenticators/remove").bearer(&earned);
    let removal = removal.json(&json!({ "userAuthenticatorId": other }));
    removal.refused(401, "invalid_token").await;
    it.server
        .get("/client/user-authenticators")
        .bearer(&earned)
        .refused(401, "invalid_token")
        .await;
    for token in [&earned, &it.token] {
        assert_eq!(validated(&it.server, token).await["isValid"], false);
    }
    let left = it.server.get("/users/u-1/authenticators").secret().ok().await;
    assert_eq!(left.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn both_secrets_serve_while_they_are_rotated() {
    let server = Server::start();
    for (made_with, asked_with) in [(SECRET, NEXT_SECRET), (NEXT_SECRET, SECRET)] {
        let path = "/users/u-1/actions/signIn";
        let tracked = server.post(path).with_secret(made_with).ok().await;
        let body = json!({ "token": tracked["token"] });
        let answer = server.post("/validate").with_secret(asked_with).json(&body).ok().await;
        assert_eq!(answer["userId"], "u-1");
    }
    let retired = Setup::default().set("tenants.0.secret_keys", NEXT_SECRET).start();
    retired.get("/users/u-1").with_secret(NEXT_SECRET).ok().await;
    retired.get("/users/u-1").with_secret(SECRET).refused(401, "unauthorized").await;
}

/// Returns the issue time and the expiry in a token, in seconds.
pub(crate) fn lifetime_of(token: &str) -> (u64, u64) {
    let body = token::Parts::of(token).unwrap().body;
    let (_, mut fields) = token::Reader::begin(&body).unwrap();
    let _names = (fields.text().unwrap(), fields.text().unwrap());
    (fields.number().unwrap(), fields.number().unwrap())
}
