//! Tests of long polls (`Prefer: wait=N`). The server holds a poll until it has something to
//! report.
//!
//! Each poll asks for 30 seconds, and must get its response sooner. A response at the end of the
//! wait fails the test.

use std::time::Duration;

use futures_util::future::{join_all, select_all};
use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::support::{Answer, Call, Connection, Device, Server, SignIn};

/// Time within which a poll must get its response: far less than the wait that it asks for, and far
/// more than a busy machine needs.
pub(crate) const SOON: Duration = Duration::from_secs(20);

pub(crate) type Parked = Vec<JoinHandle<Answer>>;

/// Parks polls. Sends one poll more than the server lets wait, so that the one poll that returns
/// shows that the others wait. Returns its response and the parked polls.
pub(crate) async fn park(waiters_max: usize, mut poll: impl FnMut() -> Call) -> (Answer, Parked) {
    let sent = (0..=waiters_max).map(|_| tokio::spawn(poll().wait(30).send()));
    let (refused, _, parked) = timeout(SOON, select_all(sent)).await.expect("one cannot wait");
    (refused.unwrap(), parked)
}

/// Returns the responses of parked polls. All of them must arrive soon.
pub(crate) async fn told(parked: Parked) -> Vec<Answer> {
    let answers = timeout(SOON, join_all(parked)).await.expect("long before the wait is over");
    answers.into_iter().map(Result::unwrap).collect()
}

async fn park_verify(it: &SignIn) -> Parked {
    park(4, || it.server.verify(&it.token, &it.challenge)).await.1
}

async fn assert_told(parked: Parked, outcome: &str) {
    assert_eq!(parked.len(), 4);
    for answer in told(parked).await {
        assert_eq!(answer.header("preference-applied"), Some("wait=30"));
        assert_eq!(answer.header("retry-after"), None);
        assert_eq!(answer.ok()["outcome"], outcome);
    }
}

#[tokio::test]
async fn parked_polls_are_answered_at_once_when_the_device_decides() {
    for (approved, outcome) in [(true, "approved"), (false, "denied")] {
        let it = SignIn::start().await;
        let parked = park_verify(&it).await;
        it.decide(approved).await;
        assert_told(parked, outcome).await;
    }
}

#[tokio::test]
async fn parked_polls_are_told_of_a_cancellation() {
    let it = SignIn::start().await;
    let parked = park_verify(&it).await;
    it.server.cancel(&it.token, &it.challenge).ok().await;
    assert_told(parked, "cancelled").await;
}

#[tokio::test]
async fn parked_polls_are_told_of_a_newer_challenge() {
    let it = SignIn::start().await;
    let parked = park_verify(&it).await;
    it.server.challenge(&it.token).await;
    assert_told(parked, "superseded").await;
}

#[tokio::test]
async fn parked_polls_are_told_of_a_removed_device_or_user() {
    let it = SignIn::start().await;
    let parked = park_verify(&it).await;
    let path = format!("/users/u-1/authenticators/{}", it.authenticator);
    it.server.delete(&path).secret().ok().await;
    assert_told(parked, "revoked").await;
    let it = SignIn::start().await;
    let parked = park_verify(&it).await;
    it.server.delete("/users/u-1").secret().ok().await;
    assert_told(parked, "revoked").await;
}

#[tokio::test]
async fn one_poll_too_many_is_answered_pending_at_once() {
    let it = SignIn::start().await;
    let (refused, parked) = park(4, || it.server.verify(&it.token, &it.challenge)).await;
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(refused.header("preference-applied"), Some("wait=30"));
    let body = refused.ok();
    assert_eq!((&body["isConsumed"], body.get("outcome")), (&json!(false), None));
    it.decide(true).await;
    assert_told(parked, "approved").await;
}

#[tokio::test]
async fn a_poll_of_an_ended_challenge_does_not_wait() {
    let it = SignIn::start().await;
    it.decide(true).await;
    let call = it.server.verify(&it.token, &it.challenge).wait(30).send();
    let answer = timeout(SOON, call).await.expect("there is nothing to wait for");
    assert_eq!(answer.header("retry-after"), None);
    assert_eq!(answer.ok()["outcome"], "approved");
}

#[tokio::test]
async fn a_wait_is_clamped_and_what_is_no_wait_is_ignored() {
    let it = SignIn::start().await;
    it.decide(true).await;
    for (preference, applied) in [
        ("wait=31", Some("wait=30")),
        ("wait=99999999999999999999999", Some("wait=30")),
        ("respond-async, WAIT=\"5\"; x=y", Some("wait=5")),
        ("wait=0", Some("wait=0")),
        ("wait=-1", None),
        ("wait=soon", None),
        ("respond-async", None),
    ] {
        let call = it.server.verify(&it.token, &it.challenge).header("Prefer", preference);
        assert_eq!(call.send().await.header("preference-applied"), applied, "{preference}");
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_gives_its_place_back() {
    let it = SignIn::start().await;
    let body = json!({ "challengeId": it.challenge }).to_string();
    let request = format!(
        "POST /v1/client/verify/push HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
         Prefer: wait=30\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        it.token,
        body.len()
    );
    let mut connections = Vec::new();
    for _ in 0..4 {
        let mut connection = Connection::open(&it.server).await;
        connection.write(request.as_bytes()).await;
        connections.push(connection);
    }
    let crowded = async || {
        let answer = it.server.verify(&it.token, &it.challenge).wait(1).send().await;
        answer.header("retry-after").is_some()
    };
    // All four polls wait as soon as the server rejects a fifth.
    timeout(SOON, async { while !crowded().await {} }).await.expect("four wait");
    drop(connections);
    timeout(SOON, async { while crowded().await {} }).await.expect("the places are free again");
}

#[tokio::test]
async fn a_device_learns_of_a_new_challenge_at_once() {
    let server = Server::start();
    let device = Device::new();
    let authenticator = server.enroll("u-1", &device).await;
    let token = server.token("u-1").await;
    let (refused, parked) = park(2, || server.pending(&device)).await;
    assert_eq!(refused.header("retry-after"), Some("1"));
    let nothing =
        json!({ "userAuthenticatorId": authenticator, "numberMatch": null, "challenges": [] });
    assert_eq!(refused.ok(), nothing);
    let challenge = server.challenge(&token).await;
    assert_eq!(parked.len(), 2);
    for answer in told(parked).await {
        assert_eq!(answer.header("preference-applied"), Some("wait=30"));
        assert_eq!(answer.header("retry-after"), None);
        assert_eq!(answer.ok()["challengeId"], *challenge);
    }
    // A poll for a challenge that is already pending returns at once.
    let call = server.pending(&device).wait(30).send();
    let answer = timeout(SOON, call).await.expect("there is something to tell");
    assert_eq!(answer.ok()["challengeId"], *challenge);
}

#[tokio::test]
async fn a_device_of_several_users_learns_of_a_challenge_for_any_of_them() {
    let server = Server::start();
    let device = Device::new();
    server.enroll("u-1", &device).await;
    server.enroll("u-2", &device).await;
    let token = server.token("u-1").await;
    let parked = park(2, || server.pending(&device)).await.1;
    let challenge = server.challenge(&token).await;
    for answer in told(parked).await {
        let body = answer.ok();
        assert_eq!((&body["userId"], &body["challengeId"]), (&json!("u-1"), &json!(challenge)));
    }
}

#[tokio::test]
async fn a_signed_read_is_still_signed_when_its_wait_ends() {
    let server = Server::start();
    let device = Device::new();
    server.enroll("u-1", &device).await;
    let tracked = server.track("u-1", json!({ "custom": { "amount": "10.00" } })).await;
    let mut signatures = Vec::new();
    for _ in 0..3 {
        signatures.push(device.sign(&server.nonce(&device).await));
    }
    let signed = || {
        let signature = signatures.pop().expect("one for each");
        server.pending(&device).header("X-Authsignal-Signature", &signature)
    };
    let parked = park(2, signed).await.1;
    server.challenge(tracked["token"].as_str().unwrap()).await;
    for answer in told(parked).await {
        assert_eq!(answer.ok()["custom"], json!({ "amount": "10.00" }));
    }
}

#[tokio::test]
async fn a_waiting_device_is_told_that_its_credential_is_gone() {
    let server = Server::start();
    let device = Device::new();
    let id = server.enroll("u-1", &device).await;
    let parked = park(2, || server.pending(&device)).await.1;
    server.delete(&format!("/users/u-1/authenticators/{id}")).secret().ok().await;
    for answer in told(parked).await {
        answer.refused(401, "invalid_credential");
    }
}
