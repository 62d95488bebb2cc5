//! Request lines, paths and headers that no client library would send.

use crate::support::{Connection, Server};

const TRACK: &str = "POST /v1/users/u-1/actions/signIn";

#[tokio::test]
async fn paths_are_taken_as_the_sdks_write_them() {
    let server = Server::start();
    // Raw as the Node SDK sends it, and encoded.
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
    // What is no escape stands for itself, and is a name as any other.
    for user in ["%", "%zz", "%4"] {
        let answer = server.raw(&format!("GET /v1/users/{user}"), "", b"").await;
        assert!(answer.status == 200 || answer.status == 400, "{user}: {}", answer.status);
    }
    for path in ["/v1/users//actions/signIn", "/v1//users/u-1", "/v1/users/../users/u-1"] {
        server.raw(&format!("POST {path}"), "", b"").await.refused(404, "invalid_request");
    }
}

#[tokio::test]
async fn a_query_or_fragment_in_a_raw_user_id_does_not_reach_another_user() {
    let server = Server::start();
    // The SDKs do not encode: what follows the question mark is no part of the path.
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

#[tokio::test]
async fn what_is_not_http_is_answered_in_bounded_time_and_closed() {
    let server = Server::start();
    let huge =
        [b"GET / HTTP/1.1\r\nX: ".to_vec(), b"a".repeat(1 << 20), b"\r\n\r\n".to_vec()].concat();
    let many =
        [b"GET / HTTP/1.1\r\n".to_vec(), b"X-Y: z\r\n".repeat(5000), b"\r\n".to_vec()].concat();
    let target = [b"GET /".to_vec(), b"a".repeat(1 << 20), b" HTTP/1.1\r\n\r\n".to_vec()].concat();
    for bytes in [
        b"\0\0\0\0\r\n\r\n".as_slice(),
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        &huge,
        &many,
        &target,
    ] {
        let mut connection = Connection::open(&server).await;
        connection.write(bytes).await;
        let status = connection.status().await;
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]).into_owned();
        assert!(status.is_none_or(|s| (400..500).contains(&s)), "{shown:?}: {status:?}");
    }
    // The server is none the worse for it.
    server.get("/users/u-1").secret().ok().await;
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
