//! Tests of clients that have closed their sending half and wait for responses. They get all of
//! them, except that the server gives up a parked poll.

use serde_json::json;
use tempfile::TempDir;
use tokio::time::timeout;

use crate::long_poll::SOON;
use crate::support::{Connection, Device, Hook, Server, Setup, SignIn};

const TRACK: &str = "POST /v1/users/u-1/actions/signIn";
const JSON: &str = "Content-Type: application/json\r\n";

/// Starts a server on SQLite, where a response takes a while. Returns it with the folder of its
/// store.
fn on_disk() -> (Server, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("test.db").display());
    (Setup::default().set("store.url", &url).start(), folder)
}

async fn tracked(server: &Server) -> usize {
    server.get("/users/u-1/actions").secret().ok().await.as_array().unwrap().len()
}

#[tokio::test]
async fn every_request_whose_client_has_sent_its_end_is_answered() {
    let (server, _folder) = on_disk();
    let track = Server::request(TRACK, JSON, b"{}");
    for turn in 0..50 {
        let mut connection = Connection::open(&server).await;
        let (first, rest) = track.split_at(track.len() - turn % 4);
        connection.write(first).await;
        connection.write(rest).await;
        connection.end().await;
        assert_eq!(connection.read().await.status, 200, "turn {turn}");
        assert!(connection.is_closed().await);
    }
    assert_eq!(tracked(&server).await, 50);
}

#[tokio::test]
async fn pipelined_requests_before_the_end_are_all_answered() {
    let (server, _folder) = on_disk();
    let mut connection = Connection::open(&server).await;
    connection.write(&Server::request(TRACK, JSON, b"{}").repeat(30)).await;
    connection.end().await;
    for _ in 0..30 {
        assert_eq!(connection.read().await.status, 200);
    }
    assert!(connection.is_closed().await);
    assert_eq!(tracked(&server).await, 30);
    let mut connection = Connection::open_at(server.operations).await;
    connection.write(&b"GET /health/ready HTTP/1.1\r\nHost: x\r\n\r\n".repeat(30)).await;
    connection.end().await;
    for _ in 0..30 {
        assert_eq!(connection.read().await.status, 200);
    }
    assert!(connection.is_closed().await);
}

#[tokio::test]
async fn an_end_within_a_body_is_answered_and_within_a_head_is_not() {
    let (server, _folder) = on_disk();
    let track = Server::request(TRACK, JSON, b"{}");
    let mut connection = Connection::open(&server).await;
    connection.write(&track[..track.len() - 1]).await;
    connection.end().await;
    connection.read().await.refused(400, "invalid_request");
    assert!(connection.is_closed().await);
    let mut connection = Connection::open(&server).await;
    connection.write(&track[..40]).await;
    connection.end().await;
    assert!(connection.is_closed().await);
    assert_eq!(tracked(&server).await, 0);
}

#[tokio::test]
async fn a_challenge_that_waits_for_its_webhook_is_answered_after_the_end() {
    let mut hook = Hook::listen().await;
    let server = Setup::told_by(&hook).start();
    server.enroll("u-1", &Device::new()).await;
    let token = server.token("u-1").await;
    let mut connection = Connection::open(&server).await;
    connection.write(&bearer("/client/challenge/push", &token, "", "{}")).await;
    connection.end().await;
    hook.called().await;
    hook.answer(200);
    let answer = connection.read().await;
    assert!(answer.status == 200 && answer.text.contains("challengeId"), "{answer:?}");
}

fn bearer(path: &str, token: &str, lines: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST /v1{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{lines}\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Makes polls for a challenge: one for the challenge alone, and one for a list of challenges.
fn polls(it: &SignIn) -> [Vec<u8>; 2] {
    let prefer = "Prefer: wait=30\r\n";
    let one = json!({ "challengeId": it.challenge }).to_string();
    let wait = json!({ "token": it.token, "challengeId": it.challenge });
    let all = json!({ "waits": [wait] }).to_string();
    [
        bearer("/client/verify/push", &it.token, prefer, &one),
        bearer("/client/wait/push", &it.token, prefer, &all),
    ]
}

/// Returns true if the limit of polls that wait for the challenge is reached.
async fn crowded(it: &SignIn) -> bool {
    let answer = it.server.verify(&it.token, &it.challenge).wait(1).send().await;
    answer.header("retry-after").is_some()
}

#[tokio::test]
async fn a_parked_poll_is_given_up_by_an_end_and_by_a_reset() {
    let (server, _folder) = on_disk();
    let it = SignIn::on(server, Device::new()).await;
    for poll in polls(&it) {
        for is_reset in [false, true] {
            let mut connections = Vec::new();
            for _ in 0..4 {
                let mut connection = Connection::open(&it.server).await;
                connection.write(&poll).await;
                connections.push(connection);
            }
            timeout(SOON, async { while !crowded(&it).await {} }).await.expect("four wait");
            for mut connection in connections {
                if is_reset {
                    connection.reset();
                } else {
                    connection.end().await;
                    assert!(connection.is_closed().await, "it is not answered");
                }
            }
            let free = async { while crowded(&it).await {} };
            timeout(SOON, free).await.expect("the places are free again");
        }
    }
}

#[tokio::test]
async fn a_poll_that_is_sent_with_its_end_is_given_up_once_it_would_wait() {
    let (server, _folder) = on_disk();
    let it = SignIn::on(server, Device::new()).await;
    for poll in polls(&it) {
        let mut connection = Connection::open(&it.server).await;
        connection.write(&poll).await;
        connection.end().await;
        let closed = timeout(SOON, connection.is_closed()).await;
        assert!(closed.expect("it does not wait"), "there is nothing to tell");
    }
    it.decide(true).await;
    for poll in polls(&it) {
        let mut connection = Connection::open(&it.server).await;
        connection.write(&poll).await;
        connection.end().await;
        let answer = connection.read().await;
        assert!(answer.status == 200 && answer.text.contains("approved"), "{answer:?}");
    }
}

#[tokio::test]
async fn a_device_that_waits_is_given_up_too() {
    let server = Server::start();
    let device = Device::new();
    server.enroll("u-1", &device).await;
    let pending = server.pending(&device).wait(30).into_request();
    let path = pending.url().as_str().split_once("/v1").unwrap().1;
    let basic = pending.headers()["authorization"].to_str().unwrap();
    let poll = format!(
        "GET /v1{path} HTTP/1.1\r\nHost: x\r\nAuthorization: {basic}\r\nPrefer: wait=30\r\n\r\n"
    );
    let mut connection = Connection::open(&server).await;
    connection.write(poll.as_bytes()).await;
    connection.end().await;
    let closed = timeout(SOON, connection.is_closed()).await;
    assert!(closed.expect("it does not wait"), "there is nothing to tell");
}
