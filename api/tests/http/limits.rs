//! Tests of limits that a caller can reach, each with the response to the caller.

use countersign_wire::basic;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use tokio::time::timeout;

use crate::long_poll::{SOON, park, told};
use crate::support::{Connection, Device, PUSH, SECRET, Server, Setup, SignIn};

#[tokio::test]
async fn an_account_has_ten_other_challenges_open_and_not_one_more() {
    let patient = Setup::default().set("tenants.0.push.prompts_max", "20");
    let it = SignIn::on(patient.start(), Device::new()).await;
    let start = async |n: usize| {
        let tracked = it.server.post(&format!("/users/u-1/actions/pay-{n}")).secret().ok().await;
        let token = tracked["token"].as_str().unwrap().to_owned();
        it.server.post("/client/challenge/push").bearer(&token).send().await
    };
    // These nine challenges and the challenge of the sign-in are ten.
    for n in 1..10 {
        start(n).await.ok();
    }
    let refused = start(10).await;
    assert_eq!(refused.header("retry-after"), Some("1"));
    refused.refused(429, "too_many_requests");
    // A new challenge of an action code that has an open one supersedes it, so it does not exceed
    // the limit.
    start(1).await.ok();
    it.decide(true).await;
    start(10).await.ok();
}

#[tokio::test]
async fn a_user_has_twenty_authenticators_and_not_one_more() {
    let server = Server::start();
    for _ in 0..20 {
        server.enroll("u-1", &Device::new()).await;
    }
    let tracked = server.track("u-1", json!({ "scope": "add:authenticators" })).await;
    let token = tracked["token"].as_str().unwrap();
    let call = server.post(PUSH).bearer(token).json(&Device::new().enrollment());
    call.refused(400, "invalid_request").await;
}

#[tokio::test]
async fn a_full_server_says_so_at_once() {
    let server = Setup::default().set("server.requests_in_flight_max", "2").start();
    // Two requests with unfinished bodies take both permits. The server rejects a further request
    // at once.
    let head = "POST /v1/users/u-1/actions/signIn HTTP/1.1\r\nHost: localhost\r\n\
                Content-Type: application/json\r\nContent-Length: 2\r\n";
    let secret = format!("Authorization: Basic {}\r\n\r\n", basic::encode_standard(SECRET));
    let mut filling = Vec::new();
    for _ in 0..2 {
        let mut connection = Connection::open(&server).await;
        connection.write(format!("{head}{secret}{{").as_bytes()).await;
        filling.push(connection);
    }
    let refused = loop {
        let answer = server.get("/users/u-1").secret().send().await;
        if answer.status != 200 {
            break answer;
        }
    };
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(refused.header("cache-control"), Some("no-store"));
    refused.refused(503, "temporarily_unavailable");
    let ready = server.operator_call(Method::GET, "/health/ready").send().await;
    assert_eq!(ready.status, 200, "operators are not turned away");
    // When one of them ends, the server admits the next request.
    filling[0].write(b"}").await;
    assert_eq!(filling[0].read().await.status, 200);
    server.get("/users/u-1").secret().ok().await;
}

#[tokio::test]
async fn polls_of_one_tenant_do_not_fill_the_server() {
    // Half of the eight permits are for polls, and a tenant gets half of those: two.
    let server = Setup::default().set("server.requests_in_flight_max", "8").start();
    let it = SignIn::on(server, Device::new()).await;
    let (early, parked) = park(2, || it.server.verify(&it.token, &it.challenge)).await;
    assert_eq!(early.header("retry-after"), Some("1"));
    assert_eq!(early.ok()["isConsumed"], false);
    it.decide(true).await;
    for answer in told(parked).await {
        assert_eq!(answer.ok()["outcome"], "approved");
    }
}

#[tokio::test]
async fn custom_data_is_bounded() {
    let server = Server::start();
    let custom = |bytes: usize| json!({ "custom": { "a": "x".repeat(bytes - 8) } });
    let path = "/users/u-1/actions/signIn";
    server.post(path).secret().json(&custom(4096)).ok().await;
    let call = server.post(path).secret().json(&custom(4097));
    call.refused(400, "invalid_request").await;
}

#[tokio::test]
async fn a_signature_more_than_the_queue_takes_is_refused_and_changes_nothing() {
    let setup = Setup::default().set("engine.verify_queue_max", "1");
    let it = SignIn::on(setup.start(), Device::new()).await;
    let mut forged = it.device.decision(&it.challenge, true);
    forged["signature"] = json!(it.device.sign("another"));
    let mut refused = None;
    for _ in 0..100 {
        let together = (0..64).map(|_| it.server.answer(&it.device, &forged).send());
        refused = join_all(together).await.into_iter().find(|answer| answer.status == 503);
        if refused.is_some() {
            break;
        }
    }
    let refused = refused.expect("of so many at once, some find the one place taken");
    refused.refused(503, "temporarily_unavailable");
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(it.decide(true).await["isVerified"], true);
}

#[tokio::test]
async fn of_polls_that_wait_one_too_many_is_answered_pending_at_once() {
    let server = Setup::default().set("engine.waiters_max", "3").start();
    let phone = Device::new();
    server.enroll("u-2", &phone).await;
    let it = SignIn::on(server, Device::new()).await;
    // Four polls may wait for one challenge, but only three may wait on the whole server.
    let (refused, parked) = park(3, || it.server.verify(&it.token, &it.challenge)).await;
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(refused.ok()["isConsumed"], false);
    let device = it.server.pending(&phone).wait(30).send();
    let device = timeout(SOON, device).await.expect("it may not wait");
    assert_eq!(device.header("retry-after"), Some("1"));
    assert_eq!(device.ok()["challenges"], json!([]));
    it.decide(true).await;
    for answer in told(parked).await {
        assert_eq!(answer.ok()["outcome"], "approved");
    }
    // The permits are free again, so that as many polls may wait as before.
    let token = it.server.token("u-1").await;
    let challenge = it.server.challenge(&token).await;
    let (refused, parked) = park(3, || it.server.verify(&token, &challenge)).await;
    assert_eq!(refused.header("retry-after"), Some("1"));
    it.server.cancel(&token, &challenge).ok().await;
    assert_eq!(told(parked).await.len(), 3);
}

#[tokio::test]
async fn what_needs_one_activation_too_many_is_refused_and_what_is_active_goes_on() {
    let server = Setup::default().set("engine.activations_max", "100").start();
    server.token("u-0").await;
    let mut refused = None;
    for n in 1..=200 {
        let call = server.post(&format!("/users/u-{n}/actions/signIn")).secret();
        let answer = call.send().await;
        if answer.status != 200 {
            refused = Some((n, answer));
            break;
        }
    }
    let (active, refused) = refused.expect("a hundred users take all places");
    assert!(active <= 100, "{active}");
    assert_eq!(refused.header("retry-after"), Some("1"));
    refused.refused(503, "temporarily_unavailable");
    server.token("u-0").await;
}
