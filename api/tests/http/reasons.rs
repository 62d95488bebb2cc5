//! Tests of the reason of each refusal. The code has one table of reasons, and the documentation
//! lists it. `support::answer` checks the reason of every refusal in all tests.

use std::fs;
use std::path::Path;

use countersign_wire::reason::Reason;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Connection, PUSH, Server, SignIn};

const README: &str = include_str!("../../README.md");

#[test]
fn the_documents_list_every_reason_as_the_table_has_it() {
    let row = |reason: &Reason| {
        let (name, code) = (reason.name(), reason.code().name());
        format!("| `{name}` | {} | `{code}` | {} |", reason.status(), reason.meaning())
    };
    let table: Vec<_> = Reason::ALL.iter().map(row).collect();
    let listed = README.lines().skip_while(|line| !line.starts_with("| `reason` |")).skip(2);
    let listed: Vec<_> = listed.take_while(|line| line.starts_with('|')).collect();
    assert_eq!(listed, table, "\n{}\n", table.join("\n"));
}

#[test]
fn every_reason_is_given_by_some_refusal() {
    let mut sources = String::new();
    read_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut sources);
    for reason in Reason::ALL {
        let name = format!("Reason::{reason:?}");
        let used = sources.match_indices(&name).any(|(at, _)| {
            let next = sources[at + name.len()..].chars().next();
            next.is_none_or(|c| !c.is_alphanumeric())
        });
        assert!(used, "nothing is refused for {name}");
    }
}

fn read_all(folder: &Path, into: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_all(&path, into);
        } else {
            into.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

fn reason(body: &Value) -> &str {
    body["reason"].as_str().unwrap()
}

#[tokio::test]
async fn callers_that_must_not_be_told_apart_get_one_reason() {
    let it = SignIn::start().await;
    let server = &it.server;
    // Requests with an absent secret, a malformed secret, and a tenant's id in place of a secret.
    let users = || server.get("/users/u-1");
    let secrets = [users(), users().header("Authorization", "Basic !"), users().tenant()];
    for call in secrets {
        assert_eq!(reason(&call.refused(401, "unauthorized").await), "secret_unknown");
    }
    // A challenge that does not exist, and a challenge of another user.
    let theirs = server.token("u-2").await;
    let verify = |id: &str| {
        let call = server.post("/client/verify/push").bearer(&theirs);
        call.json(&json!({ "challengeId": id }))
    };
    let unknown = "A".repeat(it.challenge.len());
    let (theirs, nobodys) = (verify(&it.challenge).send().await, verify(&unknown).send().await);
    assert_eq!(theirs.text, nobodys.text);
    assert_eq!(reason(&theirs.refused(400, "invalid_request")), "challenge_unknown");
}

#[tokio::test]
async fn a_refusal_by_a_connection_has_its_reason_too() {
    let server = Server::start();
    for (request, status, expected) in [
        (b"GARBAGE\r\n\r\n".to_vec(), 400, "request_malformed"),
        (
            [b"GET / HTTP/1.1\r\n".to_vec(), b"X: y\r\n".repeat(97), b"\r\n".to_vec()].concat(),
            413,
            "head_too_long",
        ),
    ] {
        let answer = Connection::send(&server, &request).await;
        answer.refused(status, "invalid_request");
        let body: Value = serde_json::from_str(&answer.text).unwrap();
        assert_eq!(reason(&body), expected);
    }
}

#[tokio::test]
async fn what_a_route_never_sees_has_its_reason() {
    let server = Server::start();
    let track = || server.post("/users/u-1/actions/signIn").secret();
    for (call, status, expected) in [
        (server.get("/nothing"), 404, "route_not_found"),
        (server.call(Method::PUT, "/validate").secret(), 405, "method_not_allowed"),
        (track().body("{}"), 415, "media_type_unsupported"),
        (track().json(&json!({ "userAgent": "x".repeat(20_000) })), 413, "body_too_large"),
        (track().header("Content-Type", "application/json").body("{"), 400, "body_not_json"),
        (track().json(&json!([])), 400, "body_not_object"),
        (server.get("/users/%ff").secret(), 400, "path_invalid"),
        (server.get("/users?email=a&email=b").secret(), 400, "query_invalid"),
        (server.get("/users/u-1/actions/signIn/k").secret(), 404, "action_not_found"),
    ] {
        let body = call.refused(status, "invalid_request").await;
        assert_eq!(reason(&body), expected, "{body}");
    }
    let twice = server.get("/users?email=a&email=b").secret().refused(400, "invalid_request").await;
    assert_eq!(twice["errorDescription"], "email: stands twice in the query");
}

#[tokio::test]
async fn a_poll_for_several_tells_the_reason_of_each() {
    let it = SignIn::start().await;
    let waits = json!({ "waits": [{ "token": "a.b.c", "challengeId": it.challenge }] });
    let answer = it.server.post("/client/wait/push").json(&waits).ok().await;
    assert_eq!(reason(&answer["answers"][0]), "token_invalid");
    let lacking = json!({ "waits": [{ "challengeId": it.challenge }] });
    let body = it.server.post("/client/wait/push").json(&lacking).refused(400, "invalid_request");
    let body = body.await;
    assert_eq!(
        (reason(&body), &body["errorDescription"]),
        ("field_missing", &json!("waits[0].token: is missing"))
    );
}

#[tokio::test]
async fn a_device_is_told_what_is_wrong_with_its_key() {
    let it = SignIn::start().await;
    let mut decision = it.device.decision(&it.challenge, true);
    decision["signature"] = json!(it.device.sign("another text"));
    let decide = |body: &Value| it.server.post(&format!("{PUSH}/challenge")).tenant().json(body);
    let wrong = decide(&decision).refused(401, "invalid_credential").await;
    assert_eq!(reason(&wrong), "signature_invalid");
}
