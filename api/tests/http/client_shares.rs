//! Tests of the limits for each client address. A client that uses its whole share leaves the
//! shares of others free.

use actix_web::http::header::HeaderName;
use countersign::admission::{ClientShares, Totals};
use countersign::client_address::ClientAddresses;
use reqwest::Method;
use serde_json::json;
use tokio::time::timeout;

use crate::connections::{Small, settings};
use crate::long_poll::{Parked, SOON, park, told};
use crate::support::{Answer, Call, Connection, Device, Hook, PUSH, Server, Setup, SignIn};

/// Sets small limits. One address may have 4 of 40 requests in flight, 2 of 20 waiting polls, and 2
/// of 20 permits for new work.
fn small(setup: Setup) -> Setup {
    setup
        .set("server.requests_in_flight_max", "40")
        .set("server.new_work_in_flight_max", "20")
        .set("server.client_share_percent", "10")
}

fn direct(setup: Setup) -> Setup {
    small(setup).set("server.direct_clients", "true")
}

/// Configures a trusted proxy at 127.0.0.1. Tests call from this address unless they choose another
/// one.
fn behind_a_proxy(header: &str) -> Setup {
    let setup = small(Setup::default()).set("server.trusted_proxies", "127.0.0.1");
    setup.set("server.client_address_header", header)
}

async fn sign_in(server: Server) -> SignIn {
    SignIn::on(server, Device::new()).await
}

/// Parks as many polls as one client may have, and checks that the server answers one more at once.
async fn fill(poll: impl FnMut() -> Call) -> Parked {
    let (early, parked) = park(2, poll).await;
    assert_eq!(early.header("retry-after"), Some("1"));
    assert_eq!(early.header("preference-applied"), Some("wait=30"));
    assert_eq!(early.ok()["isConsumed"], false, "as if its time was over");
    parked
}

/// Approves the challenge, and checks that every parked poll gets the outcome.
async fn assert_all_waited(it: &SignIn, parked: impl IntoIterator<Item = Parked>) {
    it.decide(true).await;
    for answer in told(parked.into_iter().flatten().collect()).await {
        assert_eq!(answer.header("retry-after"), None);
        assert_eq!(answer.ok()["outcome"], "approved");
    }
}

#[tokio::test]
async fn polls_of_one_address_leave_another_its_own() {
    let it = sign_in(direct(Setup::default()).start()).await;
    let poll = || it.server.verify(&it.token, &it.challenge);
    let theirs = fill(|| poll().sent_from(2)).await;
    let others = fill(|| poll().sent_from(3)).await;
    assert_all_waited(&it, [theirs, others]).await;
}

#[tokio::test]
async fn phones_and_polls_for_several_challenges_are_in_the_same_share() {
    let server = direct(Setup::default()).start();
    let phone = Device::new();
    server.enroll("u-2", &phone).await;
    let it = sign_in(server).await;
    let parked = fill(|| it.server.verify(&it.token, &it.challenge).sent_from(2)).await;
    let waits = json!({ "waits": [{ "token": it.token, "challengeId": it.challenge }] });
    let several = it.server.post("/client/wait/push").json(&waits);
    for (poll, nothing) in [(several, "answers"), (it.server.pending(&phone), "challenges")] {
        let answer = timeout(SOON, poll.wait(30).sent_from(2).send()).await.expect("at once");
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert_eq!(answer.ok()[nothing], json!([]));
    }
    assert_all_waited(&it, [parked]).await;
}

#[tokio::test]
async fn streams_of_one_connection_count_as_polls() {
    let it = sign_in(direct(Setup::default()).start().over_http2()).await;
    let poll = || it.server.verify(&it.token, &it.challenge);
    let theirs = fill(poll).await;
    let others = fill(|| poll().sent_from(3)).await;
    assert_all_waited(&it, [theirs, others]).await;
}

#[tokio::test]
async fn a_proxy_names_the_client_and_what_clients_write_themselves_changes_nothing() {
    for header in ["x-forwarded-for", "forwarded"] {
        let it = sign_in(behind_a_proxy(header).start()).await;
        let node = if header == "forwarded" { "for=" } else { "" };
        let mut forged = 0;
        let mut poll = |client: &str| {
            forged += 1;
            let said = format!("{node}203.0.113.{forged}, {node}{client}");
            it.server.verify(&it.token, &it.challenge).header(header, &said)
        };
        let theirs = fill(|| poll("192.0.2.1")).await;
        let others = fill(|| poll("198.51.100.7")).await;
        assert_all_waited(&it, [theirs, others]).await;
    }
}

#[tokio::test]
async fn the_header_of_a_peer_that_is_no_trusted_proxy_is_ignored() {
    let it = sign_in(behind_a_proxy("x-forwarded-for").start()).await;
    let mut forged = 0;
    let poll = || {
        forged += 1;
        let call = it.server.verify(&it.token, &it.challenge);
        call.header("x-forwarded-for", &format!("192.0.2.{forged}")).sent_from(2)
    };
    let parked = fill(poll).await;
    assert_all_waited(&it, [parked]).await;
}

#[tokio::test]
async fn a_client_that_the_proxy_does_not_name_has_no_bound() {
    let it = sign_in(behind_a_proxy("x-forwarded-for").start()).await;
    let mut said = ["192.0.2.1, unknown", "unknown", "127.0.0.1", "", "x"].into_iter().cycle();
    let poll = || {
        let said = said.next().unwrap();
        it.server.verify(&it.token, &it.challenge).header("x-forwarded-for", said)
    };
    // At most four polls may wait for one challenge. Only this limit applies.
    let parked = park(4, poll).await.1;
    assert_all_waited(&it, [parked]).await;
}

#[tokio::test]
async fn without_a_way_to_know_clients_no_address_has_a_share() {
    let it = sign_in(small(Setup::default()).set("server.client_share_percent", "1").start()).await;
    let poll = || it.server.verify(&it.token, &it.challenge).header("forwarded", "for=192.0.2.1");
    let parked = park(4, poll).await.1;
    assert_all_waited(&it, [parked]).await;
}

#[tokio::test]
async fn a_client_that_hangs_up_gives_its_share_back() {
    let it = sign_in(direct(Setup::default()).start()).await;
    let body = json!({ "challengeId": it.challenge }).to_string();
    let request = format!(
        "POST /v1/client/verify/push HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nPrefer: \
         wait=30\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        it.token,
        body.len()
    );
    let mut polls = Vec::new();
    for _ in 0..2 {
        let mut poll = Connection::open_from(2, it.server.address).await;
        poll.write(request.as_bytes()).await;
        polls.push(poll);
    }
    let crowded = async || {
        let call = it.server.verify(&it.token, &it.challenge).wait(1).sent_from(2);
        call.send().await.header("retry-after").is_some()
    };
    timeout(SOON, async { while !crowded().await {} }).await.expect("two wait");
    drop(polls);
    timeout(SOON, async { while crowded().await {} }).await.expect("the share is free again");
}

#[tokio::test]
async fn requests_whose_bodies_do_not_come_leave_other_addresses_theirs() {
    let server = direct(Setup::default()).start();
    let token = server.token("u-1").await;
    let mut slow = Vec::new();
    for _ in 0..4 {
        let mut connection = Connection::open_from(2, server.address).await;
        let head = format!(
            "POST /v1/client/verify/push HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{{"
        );
        connection.write(head.as_bytes()).await;
        slow.push(connection);
    }
    let read = |last: u8| server.get("/client/user-authenticators").bearer(&token).sent_from(last);
    let until_refused = async {
        loop {
            let answer = read(2).send().await;
            if answer.status != 200 {
                break answer;
            }
        }
    };
    let refused = timeout(SOON, until_refused).await.expect("four are under way");
    assert_eq!(refused.header("retry-after"), Some("1"));
    refused.refused(503, "temporarily_unavailable");
    read(3).ok().await;
    server.get("/users/u-1").secret().sent_from(2).ok().await;
    for connection in &mut slow {
        connection.write(b"}").await;
        connection.read().await.refused(400, "invalid_request");
    }
    read(2).ok().await;
}

/// Starts challenges from 127.0.0.2. They stay under way, because their webhook does not respond.
async fn starts_that_hang(server: &Server, hook: &mut Hook) -> Vec<Connection> {
    let mut hanging = Vec::new();
    for user in ["slow-1", "slow-2"] {
        server.enroll(user, &Device::new()).await;
        let start = format!(
            "POST /v1/client/challenge/push HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
             Content-Length: 0\r\n\r\n",
            server.token(user).await
        );
        let mut connection = Connection::open_from(2, server.address).await;
        connection.write(start.as_bytes()).await;
        hanging.push(connection);
    }
    hook.called().await;
    hanging
}

#[tokio::test]
async fn new_work_of_one_address_leaves_another_its_own() {
    let mut hook = Hook::listen().await;
    let server = direct(Setup::told_by(&hook)).start();
    let token = server.token("u-1").await;
    let hanging = starts_that_hang(&server, &mut hook).await;
    // A request for new work that ends at once, with 400 if the server admits it and with 503 if
    // not.
    let begin = |last: u8| {
        let call = server.post(PUSH).bearer(&token).json(&json!({})).sent_from(last);
        async { call.send().await }
    };
    let until_refused = async {
        loop {
            let answer: Answer = begin(2).await;
            if answer.status != 400 {
                break answer;
            }
        }
    };
    let refused = timeout(SOON, until_refused).await.expect("both are under way");
    assert_eq!(refused.header("retry-after"), Some("1"));
    refused.refused(503, "temporarily_unavailable");
    assert_eq!(begin(3).await.status, 400, "another address has its own share");
    // Existing work from the same address is still served, and so is a backend with its secret.
    server.verify(&token, "x").sent_from(2).refused(400, "invalid_request").await;
    server.post("/users/u-3/actions/signIn").secret().sent_from(2).ok().await;
    let wrong = server.post("/users/u-3/actions/signIn").with_secret("no-secret-of-anybody");
    wrong.sent_from(2).refused(503, "temporarily_unavailable").await;
    let metrics = server.operator_call(Method::GET, "/metrics").send().await.text;
    for line in [
        "countersign_requests_refused_total{lane=\"new\",reason=\"client_share\"} ",
        "countersign_client_share_refused_total{kind=\"new_work\"} ",
    ] {
        let counted = metrics.lines().find_map(|it| it.strip_prefix(line)).expect(line);
        assert!(counted.parse::<u64>().unwrap() >= 2, "{line}{counted}");
    }
    assert!(metrics.contains("countersign_client_share_refused_total{kind=\"connection\"} "));
    assert!(!metrics.contains("127.0.0.2"), "an address is no label");
    drop(hanging);
}

/// Opens a connection from 127.0.0.`last` and sends a request. Returns `None` if the server closes
/// the connection without a response.
async fn connected(small: &Small, last: u8) -> Option<Connection> {
    let mut connection = Connection::open_from(last, small.address).await;
    connection.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    connection.try_read().await.map(|answer| {
        assert_eq!(answer.status, 200);
        connection
    })
}

#[actix_web::test]
async fn one_connection_too_many_of_an_address_is_closed_at_once() {
    let totals = Totals { connections: 20, requests: 1, polls: 1, new_work: 1 };
    let small =
        Small::sharing(settings(), ClientShares::new(ClientAddresses::direct(), 10, totals));
    let first = connected(&small, 2).await;
    let second = connected(&small, 2).await;
    assert!(first.is_some() && second.is_some());
    assert!(connected(&small, 2).await.is_none());
    assert!(connected(&small, 3).await.is_some(), "another address has its own share");
    drop(first);
    timeout(SOON, async { while connected(&small, 2).await.is_none() {} })
        .await
        .expect("the place of one that has left is free again");
    small.stop(false).await;
}

#[actix_web::test]
async fn connections_of_a_trusted_proxy_are_in_nobodys_share() {
    let proxies = vec!["127.0.0.2/32".parse().unwrap()];
    let addresses = ClientAddresses::behind(proxies, HeaderName::from_static("x-real-ip"));
    let totals = Totals { connections: 10, requests: 1, polls: 1, new_work: 1 };
    let small = Small::sharing(settings(), ClientShares::new(addresses, 10, totals));
    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(connected(&small, 2).await.expect("the proxy may have as many as there are"));
    }
    let _client = connected(&small, 3).await.expect("one");
    assert!(connected(&small, 3).await.is_none());
    small.stop(false).await;
}
