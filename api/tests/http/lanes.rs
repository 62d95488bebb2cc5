//! Tests of overload. The server rejects new work first, so that sign-ins under way can finish.

use countersign_wire::basic;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use tokio::time::timeout;

use crate::long_poll::SOON;
use crate::support::{Connection, Device, Hook, PUSH, SECRET, Server, Setup, SignIn};

/// Starts challenges of other users until `count` are under way. They stay under way, because their
/// webhook does not respond.
async fn starts_that_hang(server: &Server, hook: &mut Hook, count: usize) -> Vec<Connection> {
    let mut hanging = Vec::new();
    for n in 0..count {
        let user = format!("slow-{n}");
        server.enroll(&user, &Device::new()).await;
        let token = server.token(&user).await;
        let mut connection = Connection::open(server).await;
        let request = format!(
            "POST /v1/client/challenge/push HTTP/1.1\r\nHost: x\r\n\
             Authorization: Bearer {token}\r\nContent-Length: 0\r\n\r\n"
        );
        connection.write(request.as_bytes()).await;
        if n == 0 {
            hook.called().await;
        }
        hanging.push(connection);
    }
    hanging
}

#[tokio::test]
async fn what_exists_is_served_while_new_work_is_full() {
    let mut hook = Hook::listen().await;
    let setup = Setup::told_by(&hook).set("server.new_work_in_flight_max", "1");
    hook.answer(200);
    let it = SignIn::on(setup.start(), Device::new()).await;
    hook.called().await;
    let mut hanging = starts_that_hang(&it.server, &mut hook, 1).await;
    // The server rejects all new work: an action, a challenge and an enrollment.
    let track = it.server.post("/users/u-2/actions/signIn").secret();
    let start = it.server.post("/client/challenge/push").bearer(&it.token);
    let enroll = it.server.post(PUSH).bearer(&it.token).json(&Device::new().enrollment());
    for new in [track, start, enroll] {
        let refused = new.send().await;
        assert_eq!(refused.header("retry-after"), Some("1"));
        assert_eq!(refused.header("cache-control"), Some("no-store"));
        refused.refused(503, "temporarily_unavailable");
    }
    // A challenge that has begun can still be read, decided, polled and validated.
    assert_eq!(it.server.signed_pending(&it.device).await["challengeId"], it.challenge.as_str());
    assert_eq!(it.decide(true).await["isVerified"], true);
    let outcome = it.outcome().await;
    assert_eq!(outcome["outcome"], "approved");
    let validated = it.server.validate(outcome["accessToken"].as_str().unwrap()).ok().await;
    assert_eq!(validated["isValid"], true);
    // As soon as the challenge under way has started, the server admits new work again.
    hook.answer(200);
    assert_eq!(hanging[0].read().await.status, 200);
    it.server.token("u-2").await;
    let metrics = it.server.operator_call(Method::GET, "/metrics").send().await.text;
    let counted = "countersign_requests_refused_total{lane=\"new\",reason=\"full\"}";
    let line = metrics.lines().find_map(|line| line.strip_prefix(counted)).unwrap();
    assert!(line.trim().parse::<u64>().unwrap() >= 3, "{line}");
}

#[tokio::test]
async fn a_webhook_that_hangs_takes_half_of_new_work() {
    let mut hook = Hook::listen().await;
    let server = Setup::told_by(&hook).set("server.new_work_in_flight_max", "2").start();
    let mut hanging = starts_that_hang(&server, &mut hook, 1).await;
    let token = server.token("u-1").await;
    server.enroll("u-2", &Device::new()).await;
    let start = server.post("/client/challenge/push").bearer(&token).json(&json!({}));
    start.refused(503, "temporarily_unavailable").await;
    hook.answer(200);
    assert_eq!(hanging[0].read().await.status, 200);
}

#[tokio::test]
async fn a_start_keeps_its_place_although_its_browser_leaves() {
    let mut hook = Hook::listen().await;
    // The tenant has one of the two permits for new work, and the server handles only one request
    // at a time.
    let setup = Setup::told_by(&hook).set("server.new_work_in_flight_max", "2");
    let server = setup.set("server.requests_in_flight_max", "1").start();
    server.enroll("u-1", &Device::new()).await;
    let token = server.token("u-1").await;
    // The connections are reset, because a client that only closes its sending half may still wait
    // for its response.
    for hanging in starts_that_hang(&server, &mut hook, 1).await {
        hanging.reset();
    }
    let has_left = async { while server.get("/users/u-1").secret().send().await.status == 503 {} };
    timeout(SOON, has_left).await.expect("the server learns of it");
    let start = server.post("/client/challenge/push").bearer(&token).json(&json!({}));
    start.refused(503, "temporarily_unavailable").await;
    hook.answer(200);
    let starts_again = async {
        let start = || server.post("/client/challenge/push").bearer(&token).json(&json!({}));
        hook.answer(200);
        while start().send().await.status == 503 {}
    };
    timeout(SOON, starts_again).await.expect("the place is given back");
}

#[tokio::test]
async fn who_is_slow_to_send_takes_no_place_of_new_work() {
    let server = Setup::default().set("server.new_work_in_flight_max", "1").start();
    let mut slow = Vec::new();
    for _ in 0..3 {
        let mut connection = Connection::open(&server).await;
        let secret = basic::encode_standard(SECRET);
        let head = format!(
            "POST /v1/users/u-1/actions/signIn HTTP/1.1\r\nHost: x\r\nAuthorization: Basic \
             {secret}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{{"
        );
        connection.write(head.as_bytes()).await;
        slow.push(connection);
    }
    server.track("u-1", json!({})).await;
    for mut connection in slow {
        connection.write(b"}").await;
        assert_eq!(connection.read().await.status, 200);
    }
}

#[tokio::test]
async fn a_refusal_leaves_the_connection_open() {
    let mut hook = Hook::listen().await;
    let server = Setup::told_by(&hook).set("server.new_work_in_flight_max", "1").start();
    let _hanging = starts_that_hang(&server, &mut hook, 1).await;
    let track = Server::request("POST /v1/users/u/actions/a", "", b"");
    let with_body = Server::request(
        "POST /v1/users/u/actions/a",
        "Content-Type: application/json\r\n",
        br#"{"idempotencyKey":"k"}"#,
    );
    let mut connection = Connection::open(&server).await;
    for request in [&track, &with_body, &with_body, &track] {
        connection.write(request).await;
        connection.read().await.refused(503, "temporarily_unavailable");
    }
}

#[tokio::test]
async fn a_ticket_takes_a_place_of_new_work_while_it_is_made() {
    let server = Setup::default().set("server.new_work_in_flight_max", "1").start();
    let token = server.token("u-1").await;
    let make = || server.post(&format!("{PUSH}/ticket")).bearer(&token).send();
    let made = async {
        // Of concurrent requests, one makes a ticket, and others find the only permit taken.
        while !join_all((0..32).map(|_| make())).await.iter().any(|made| made.status == 503) {}
    };
    timeout(SOON, made).await.expect("there is one place");
    assert_eq!(make().await.status, 200, "the place is given back");
}
