//! Tests of `POST …/ticket` and `…/ticket/open`, and of the enrollment with a ticket.

use countersign_testkit::clock::ManualClock;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Call, Device, OTHER_SECRET, PUSH, Server, Setup, Statements as _, assert_keys,
};

const TICKET: &str = "/client/user-authenticators/push/ticket";
const OPEN: &str = "/client/user-authenticators/push/ticket/open";

fn opening(server: &Server, ticket: &str) -> Call {
    server.post(OPEN).json(&json!({ "ticket": ticket }))
}

async fn ticket(server: &Server, token: &str) -> String {
    let made = server.post(TICKET).bearer(token).ok().await;
    made["ticket"].as_str().expect("a text").to_owned()
}

fn enrolling(server: &Server, ticket: &str, device: &Device) -> Call {
    server.post(PUSH).bearer(ticket).json(&device.enrollment())
}

#[tokio::test]
async fn a_ticket_says_whom_it_is_for_and_enrolls_one_key_once() {
    let server = Server::start();
    let token = server.token("u-1").await;
    let made = server.post(TICKET).bearer(&token).send().await;
    assert_eq!(made.header("cache-control"), Some("no-store"));
    assert_eq!(made.header("referrer-policy"), Some("no-referrer"));
    let made = made.ok();
    assert_keys(&made, &["expiresIn", "ticket"]);
    let ticket = made["ticket"].as_str().unwrap();
    assert_eq!(ticket.len(), 22, "128 bits in base64url");
    assert!((595..=600).contains(&made["expiresIn"].as_u64().unwrap()), "{made}");
    for _ in 0..3 {
        let opened = opening(&server, ticket).ok().await;
        assert_keys(&opened, &["expiresIn", "tenantId", "userId"]);
        assert_eq!((&opened["tenantId"], &opened["userId"]), (&json!("demo"), &json!("u-1")));
    }
    let first = enrolling(&server, ticket, &Device::new()).ok().await;
    assert_eq!(first["userId"], "u-1");
    enrolling(&server, ticket, &Device::new()).refused(401, "invalid_token").await;
    opening(&server, ticket).refused(401, "invalid_token").await;
    let listed = server.get("/users/u-1/authenticators").secret().ok().await;
    assert_eq!(listed.as_array().unwrap().len(), 1);
    // The token that made the ticket keeps its rights.
    let challenge = server.challenge(&token).await;
    assert_eq!(server.outcome(&token, &challenge).await["isVerified"], false);
}

#[tokio::test]
async fn a_proof_is_over_the_ticket_and_the_same_phone_may_ask_again() {
    let server = Server::start();
    let (device, token) = (Device::browser(), server.token("u-1").await);
    let ticket = ticket(&server, &token).await;
    let with = |over: &str, device: &Device| {
        server.post(PUSH).bearer(&ticket).json(&device.statement_enrollment(over))
    };
    with(&token, &device).refused(401, "invalid_credential").await;
    let first = with(&ticket, &device).ok().await;
    assert_eq!(first["signing"], "statement-v1");
    let again = with(&ticket, &device).ok().await;
    assert_eq!(again["userAuthenticatorId"], first["userAuthenticatorId"]);
    with(&ticket, &Device::browser()).refused(401, "invalid_token").await;
}

#[tokio::test]
async fn of_many_enrollments_with_one_ticket_at_once_one_is_done() {
    let server = Server::start();
    let ticket = ticket(&server, &server.token("u-1").await).await;
    let devices: Vec<_> = (0..8).map(|_| Device::new()).collect();
    let calls = devices.iter().map(|device| enrolling(&server, &ticket, device).send());
    let answers = futures_util::future::join_all(calls).await;
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses.iter().filter(|s| **s == 200).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|s| **s == 401).count(), 7, "{statuses:?}");
    let listed = server.get("/users/u-1/authenticators").secret().ok().await;
    assert_eq!(listed.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_ticket_is_good_for_nothing_but_an_enrollment() {
    let server = Server::start();
    let token = server.token("u-1").await;
    server.enroll("u-1", &Device::new()).await;
    let scope = server.track("u-1", json!({ "scope": "add:authenticators" })).await;
    let ticket = ticket(&server, scope["token"].as_str().unwrap()).await;
    let id = json!({ "challengeId": server.challenge(&token).await });
    for (method, path, body) in [
        (Method::POST, TICKET, json!({})),
        (Method::POST, "/client/challenge/push", json!({})),
        (Method::POST, "/client/challenge", json!({})),
        (Method::POST, "/client/verify/push", id.clone()),
        (Method::POST, "/client/cancel/push", id),
        (Method::GET, "/client/user-authenticators", json!({})),
        (Method::POST, "/client/user-authenticators/remove", json!({})),
        (Method::GET, "/client/user-authenticators/push/challenge", json!({})),
    ] {
        let call = server.call(method, path).bearer(&ticket).json(&body);
        call.refused(401, "invalid_token").await;
    }
    assert_eq!(server.validate(&ticket).ok().await["isValid"], false);
}

#[tokio::test]
async fn a_ticket_allows_what_its_token_allowed_and_none_is_made_for_nothing() {
    let server = Server::start();
    let early = ticket(&server, &server.token("u-1").await).await;
    server.enroll("u-1", &Device::new()).await;
    enrolling(&server, &early, &Device::new()).refused(403, "unauthorized").await;
    let plain = server.token("u-1").await;
    server.post(TICKET).bearer(&plain).refused(403, "unauthorized").await;
    let tracked = server.track("u-1", json!({ "scope": "add:authenticators" })).await;
    let further = ticket(&server, tracked["token"].as_str().unwrap()).await;
    enrolling(&server, &further, &Device::new()).ok().await;
    // A refused enrollment does not use up the ticket, because its token may still be allowed to
    // enroll the same key.
    opening(&server, &early).ok().await;
}

#[tokio::test]
async fn a_user_has_five_tickets_and_one_more_takes_the_place_of_the_oldest() {
    let server = Server::start();
    let token = server.token("u-1").await;
    let mut tickets = Vec::new();
    for _ in 0..6 {
        tickets.push(ticket(&server, &token).await);
    }
    opening(&server, &tickets[0]).refused(401, "invalid_token").await;
    for kept in &tickets[1..] {
        opening(&server, kept).ok().await;
    }
    // Tickets of another user do not count towards the limit.
    let other = ticket(&server, &server.token("u-2").await).await;
    opening(&server, &other).ok().await;
    opening(&server, &tickets[1]).ok().await;
}

#[tokio::test]
async fn what_is_no_ticket_and_one_of_a_deleted_user_are_refused_alike() {
    let server = Server::start();
    let token = server.token("u-1").await;
    let good = ticket(&server, &token).await;
    let mut told = Vec::new();
    for text in ["", "x", "J.W.T", &token, &"A".repeat(22), &format!("{good}A"), &good[1..]] {
        told.push(opening(&server, text).refused(401, "invalid_token").await);
    }
    server.delete("/users/u-1").secret().ok().await;
    told.push(opening(&server, &good).refused(401, "invalid_token").await);
    server.token("u-1").await;
    told.push(opening(&server, &good).refused(401, "invalid_token").await);
    assert!(told.iter().all(|body| *body == told[0]), "{told:?}");
    enrolling(&server, &good, &Device::new()).refused(401, "invalid_token").await;
    for body in [json!({}), json!({ "ticket": null }), json!({ "ticket": 1 })] {
        server.post(OPEN).json(&body).refused(400, "invalid_request").await;
    }
}

#[tokio::test]
async fn making_one_takes_a_token() {
    let server = Server::start();
    server.post(TICKET).refused(401, "invalid_token").await;
    server.post(TICKET).tenant().refused(401, "invalid_token").await;
    server.post(TICKET).secret().refused(401, "invalid_token").await;
    let device = Device::new();
    server.enroll_stated("u-1", &device).await;
    let session = server.session(&device).await;
    server.post(TICKET).bearer(&session).refused(401, "invalid_token").await;
}

#[tokio::test]
async fn pages_that_a_tenant_does_not_allow_neither_open_nor_use_its_tickets() {
    let server = Setup::default()
        .set("tenants.0.allowed_origins", "https://shop.example")
        .set("tenants.1.allowed_origins", "https://other.example")
        .start();
    let made = ticket(&server, &server.token("u-1").await).await;
    let of = |origin: &str, call: Call| call.header("Origin", origin);
    let foreign = "https://other.example";
    of(foreign, opening(&server, &made)).refused(403, "unauthorized").await;
    of(foreign, enrolling(&server, &made, &Device::new())).refused(403, "unauthorized").await;
    let allowed = "https://shop.example";
    of(allowed, opening(&server, &made)).ok().await;
    of(allowed, enrolling(&server, &made, &Device::new())).ok().await;
}

#[tokio::test]
async fn a_ticket_of_one_tenant_is_none_of_another() {
    let server = Server::start();
    let path = "/users/u-1/actions/enroll";
    let tracked = server.post(path).with_secret(OTHER_SECRET).json(&json!({})).ok().await;
    let made = ticket(&server, tracked["token"].as_str().unwrap()).await;
    assert_eq!(opening(&server, &made).ok().await["tenantId"], "other");
    enrolling(&server, &made, &Device::new()).ok().await;
    let of = async |secret| {
        let listed = server.get("/users/u-1/authenticators").with_secret(secret).ok().await;
        listed.as_array().map(Vec::len)
    };
    assert_eq!(of(OTHER_SECRET).await, Some(1));
    assert_eq!(of(crate::support::SECRET).await, Some(0));
}

#[tokio::test]
async fn a_ticket_outlives_a_restart_and_ends_with_its_token() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}", folder.path().join("test.db").display());
    let setup = || Setup::default().set("store.url", &store);
    let mut server = setup().start();
    let token = server.token("u-1").await;
    let (used, unused) = (ticket(&server, &token).await, ticket(&server, &token).await);
    enrolling(&server, &used, &Device::new()).ok().await;
    server.tell_to_stop();
    server.ended().await.expect("in order");
    let mut server = setup().start();
    opening(&server, &used).refused(401, "invalid_token").await;
    enrolling(&server, &used, &Device::new()).refused(401, "invalid_token").await;
    opening(&server, &unused).ok().await;
    server.tell_to_stop();
    server.ended().await.expect("in order");
    let clock = ManualClock::running();
    clock.pass(601_000);
    let server = setup().start_at(clock);
    opening(&server, &unused).refused(401, "invalid_token").await;
    enrolling(&server, &unused, &Device::new()).refused(401, "invalid_token").await;
}

#[tokio::test]
async fn the_older_name_of_the_routes_serves_tickets_too() {
    let server = Server::start();
    let older = "/client/user-authenticators/device";
    let token = server.token("u-1").await;
    let made = server.post(&format!("{older}/ticket")).bearer(&token).ok().await;
    let body = json!({ "ticket": made["ticket"] });
    let opened = server.post(&format!("{older}/ticket/open")).json(&body);
    assert_eq!(opened.ok().await["userId"], "u-1");
    let made: &Value = &made["ticket"];
    let device = Device::new();
    server.post(older).bearer(made.as_str().unwrap()).json(&device.enrollment()).ok().await;
}
