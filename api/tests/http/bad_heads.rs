//! Tests of request lines, paths and headers that no client library sends.

use countersign_wire::basic;
use serde_json::json;

use crate::support::{Connection, SECRET, Server, SignIn};

const TRACK: &str = "POST /v1/users/u-1/actions/signIn";

#[tokio::test]
async fn paths_are_taken_as_the_sdks_write_them() {
    let server = Server::start();
    // User ids as the Node SDK sends them, without escapes, and percent-encoded ones.
    for user in
        ["auth0|a%20b", "auth0%7Ca%20b", "a+b", "a@b.c", "%C3%BC", "a%2Fb", "a;b=c", "a:b", "~"]
    {
        let answer = server.raw(&format!("POST /v1/users/{user}/actions/signIn"), "", b"").await;
        assert_eq!(answer.status, 200, "{user}: {}", answer.text);
    }
    let same = server.get("/users/auth0%7Ca%20b/actions").secret().ok().await;
    assert_eq!(same.as_array().unwrap().len(), 2, "both spellings are one user");
    let long = "u".repeat(256);
    assert_eq!(server.raw(&format!("GET /v1/users/{long}"), "", b"").await.status, 200);
}

#[tokio::test]
async fn names_that_are_none_are_refused() {
    let server = Server::start();
    let long = "u".repeat(257);
    let wide = "%C3%BC".repeat(129);
    for user in ["%00", "a%00b", "%ff", "a%c3", "%0a", "%7f", "%c2%85", &long, &wide] {
        let answer = server.raw(&format!("POST /v1/users/{user}/actions/signIn"), "", b"").await;
        answer.refused(400, "invalid_request");
    }
    // A percent sign that begins no escape counts as itself, and a user id may contain it.
    for user in ["%", "%zz", "%4"] {
        let answer = server.raw(&format!("GET /v1/users/{user}"), "", b"").await;
        assert!(answer.status == 200 || answer.status == 400, "{user}: {}", answer.status);
    }
    for path in ["/v1/users//actions/signIn", "/v1///users/u-1", "/v1/users/../users/u-1"] {
        server.raw(&format!("POST {path}"), "", b"").await.refused(404, "invalid_request");
    }
}

#[tokio::test]
async fn a_query_or_fragment_in_a_raw_user_id_does_not_reach_another_user() {
    let server = Server::start();
    // Official SDKs do not encode ids. The text after the question mark is a query and no part of
    // the path.
    let answer = server.raw("DELETE /v1/users/u-1?x/authenticators/a", "", b"").await;
    assert_eq!(answer.status, 200, "it is the user u-1 that is deleted, and there is none");
    let answer = server.raw("DELETE /v1/users/a/b", "", b"").await;
    answer.refused(404, "invalid_request");
}

#[tokio::test]
async fn odd_headers_do_no_harm() {
    let server = Server::start();
    for headers in [
        "Prefer: \r\n",
        "Prefer: wait=1;;;,,,\r\n",
        "Prefer: wait=\"\r\n",
        "Content-Type: \r\n",
        "Content-Type: application/json\r\nContent-Type: text/plain\r\n",
        "X-Authsignal-Version: \u{fc}\r\n",
        "Origin: \r\n",
        "Origin: \u{fc}\r\n",
        "Expect: 100-continue\r\n",
        "Accept-Encoding: gzip, br\r\nAccept: text/html\r\n",
        "X-Authsignal-Signature: \u{1f4a9}\r\n",
        "Upgrade: websocket\r\nConnection: upgrade\r\n",
    ] {
        let mut connection = Connection::open(&server).await;
        connection.write(&Server::request("GET /v1/users/u-1", headers, b"")).await;
        let mut answer = connection.read().await;
        if answer.status == 100 {
            answer = connection.read().await;
        }
        assert!(answer.status == 200, "{headers:?}: {answer:?}");
    }
}

#[tokio::test]
async fn two_authorizations_are_not_one_more_chance() {
    let server = Server::start();
    let request = "GET /v1/users/u-1 HTTP/1.1\r\nHost: localhost\r\n\
                   Authorization: Basic bm9ib2R5Og==\r\nAuthorization: Basic ZGVtbzo=\r\n\r\n";
    Connection::send(&server, request.as_bytes()).await.refused(401, "unauthorized");
}

/// Makes a request without a body. Its head has these lines after the `Host` line.
fn head(lines: &str) -> Vec<u8> {
    format!("POST /v1/validate HTTP/1.1\r\nHost: x\r\n{lines}\r\n").into_bytes()
}

/// Lists byte sequences that are not HTTP/1.1 requests, with the status of the response to each.
fn no_requests() -> Vec<(Vec<u8>, u16)> {
    let get = |rest: &str| format!("GET / HTTP/1.1\r\nHost: x\r\n{rest}\r\n\r\n").into_bytes();
    let line = |line: &str| format!("{line}\r\nHost: x\r\n\r\n").into_bytes();
    let malformed = [
        b"\0\0\0\0\r\n\r\n".to_vec(),
        b"{}\r\n\r\n".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec(),
        line("GET / HTTP/9.9"),
        line("GET / HTTP/2.0"),
        line("GET / HTTP/0.9"),
        line("GET / http/1.1"),
        line("GET /"),
        line("GET"),
        line("G ET / HTTP/1.1"),
        line("G\0T / HTTP/1.1"),
        line("GE\u{fc} / HTTP/1.1"),
        line("GET  / HTTP/1.1"),
        line("GET /a b HTTP/1.1"),
        line("GET /\0 HTTP/1.1"),
        line("GET / HTTP/1.1 x"),
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        get("Host: y"),
        get("X: a\0b"),
        get("X: a\x01b"),
        get("X\0: a"),
        get("X : a"),
        get(": a"),
        get("X"),
        get("X: a\r\n folded"),
        get("X: a\r\n\tfolded"),
        get(" X: a"),
        get("X: a\rY: b"),
        head("Content-Length: -1\r\n"),
        head("Content-Length: +1\r\n"),
        head("Content-Length: 0x1\r\n"),
        head("Content-Length: 1, 1\r\n"),
        head("Content-Length: 99999999999999999999\r\n"),
        head("Content-Length: \r\n"),
        head("Content-Length: 2\r\nContent-Length: 2\r\n"),
        head("Content-Length: 1\r\nContent-Length: 2\r\n"),
        head("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"),
        head("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n"),
        head("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
        head("Transfer-Encoding: gzip, chunked\r\n"),
        head("Transfer-Encoding: chunked, gzip\r\n"),
        head("Transfer-Encoding: identity\r\n"),
        head("Transfer-Encoding: \x0bchunked\r\n"),
        b"POST /v1/validate HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec(),
        b"POST /v1/validate HTTP/1.0\r\n\r\n".to_vec(),
    ];
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(70_000)).into_bytes();
    let fields = get(&"X-Y: z\r\n".repeat(5000));
    let field = get(&format!("X: {}", "a".repeat(1 << 20)));
    let target = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(1 << 20)).into_bytes();
    let malformed = malformed.into_iter().chain([long]).map(|bytes| (bytes, 400));
    malformed.chain([fields, field, target].map(|bytes| (bytes, 413))).collect()
}

#[tokio::test]
async fn what_is_no_request_is_refused_in_json_and_the_connection_closed() {
    let server = Server::start();
    for (bytes, status) in no_requests() {
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(80)]).into_owned();
        for listener in [server.address, server.operations] {
            let mut connection = Connection::open_at(listener).await;
            connection.write(&bytes).await;
            let answer = connection.read().await;
            assert_eq!(answer.status, status, "{shown:?}: {answer:?}");
            answer.refused(status, "invalid_request");
            assert_eq!(answer.headers["connection"], "close", "{shown:?}");
            assert_eq!(answer.headers["cache-control"], "no-store", "{shown:?}");
            assert!(answer.headers["date"].ends_with(" GMT"), "{shown:?}: {answer:?}");
            assert!(connection.is_closed().await, "{shown:?}");
        }
    }
    // The server still works afterwards.
    server.get("/users/u-1").secret().ok().await;
}

#[tokio::test]
async fn lines_that_end_in_a_bare_line_feed_are_no_second_request() {
    let server = Server::start();
    // RFC 9112, section 2.2: a recipient may accept a single line feed as the end of a line.
    let mut connection = Connection::open(&server).await;
    connection.write(b"GET /v1/nowhere HTTP/1.1\nHost: x\nConnection: close\n\n").await;
    connection.read().await.refused(404, "invalid_request");
    assert!(connection.is_closed().await, "one request, one answer");
}

#[tokio::test]
async fn a_bad_head_behind_good_requests_does_not_cost_them_their_answers() {
    let server = Server::start();
    let good = Server::request(TRACK, "Content-Type: application/json\r\n", b"{}");
    let head_of_one = Server::request("HEAD /v1/nowhere", "", b"");
    for (bad, status) in [
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), 400),
        (head("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"), 400),
        (head(&"X-Y: z\r\n".repeat(97)), 413),
    ] {
        let mut connection = Connection::open(&server).await;
        connection.write(&[&*good, &*good, &*good, &*bad, &*good].concat()).await;
        for _ in 0..3 {
            assert_eq!(connection.read().await.status, 200);
        }
        connection.read().await.refused(status, "invalid_request");
        assert!(connection.is_closed().await, "nothing behind it is served");
        // The error response has a body, although the response to the HEAD request before it has
        // none.
        let mut connection = Connection::open(&server).await;
        connection.write(&[&*head_of_one, &*bad].concat()).await;
        assert_eq!(connection.read_head().await.status, 404);
        connection.read().await.refused(status, "invalid_request");
    }
    let listed = server.get("/users/u-1/actions").secret().ok().await;
    assert_eq!(listed.as_array().unwrap().len(), 9);
}

#[tokio::test]
async fn a_bad_head_behind_a_parked_poll_waits_for_its_answer() {
    let it = SignIn::start().await;
    let body = json!({ "challengeId": *it.challenge }).to_string();
    let poll = format!(
        "POST /v1/client/verify/push HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nPrefer: wait=30\r\nContent-Length: {}\r\n\r\n{body}",
        it.token,
        body.len()
    );
    let mut connection = Connection::open(&it.server).await;
    connection.write(&[poll.as_bytes(), b"\0\r\n\r\n"].concat()).await;
    it.decide(true).await;
    let answer = connection.read().await;
    assert!(answer.status == 200 && answer.text.contains("approved"), "{answer:?}");
    connection.read().await.refused(400, "invalid_request");
    assert!(connection.is_closed().await);
}

#[tokio::test]
async fn a_body_that_is_badly_framed_is_answered_once() {
    let server = Server::start();
    let chunked = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n";
    let secret = basic::encode_standard(SECRET);
    for path in ["/v1/validate", "/v1/nowhere", "/v1/challenge"] {
        let post = format!("POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {secret}\r\n");
        for body in
            ["zz\r\n", "-1\r\n\r\n", "1;\n{\r\n0\r\n\r\n", "2\r\n{}x\r\n", "ffffffffffffffffff\r\n"]
        {
            let mut connection = Connection::open(&server).await;
            connection.write(format!("{post}{chunked}\r\n{body}").as_bytes()).await;
            let answer = connection.read().await;
            assert!((400..500).contains(&answer.status), "{path} {body:?}: {answer:?}");
            answer.refused(answer.status, answer.code().as_str());
            assert!(connection.is_closed().await, "{path} {body:?}: a second answer");
        }
    }
}

#[tokio::test]
async fn requests_on_one_connection_are_answered_one_by_one() {
    let server = Server::start();
    let one = Server::request(TRACK, "Content-Type: application/json\r\n", b"{}");
    let mut connection = Connection::open(&server).await;
    connection.write(&[one.clone(), one.clone(), one].concat()).await;
    for _ in 0..3 {
        assert_eq!(connection.read().await.status, 200);
    }
    let listed = server.get("/users/u-1/actions").secret().ok().await;
    assert_eq!(listed.as_array().unwrap().len(), 3);
}
