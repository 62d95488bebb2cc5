//! Tests of the last request of a connection (RFC 9112, section 9.6). The server does not carry out
//! the bytes after it, and those bytes do not cause the loss of its response.

use serde_json::json;

use countersign::connection::REQUESTS_PER_CONNECTION_MAX;
use countersign_wire::basic;

use crate::support::{Connection, SECRET, Server};

/// Makes a request by the backend of tenant `demo` that would track an action if the server carried
/// it out.
fn behind() -> Vec<u8> {
    Server::request("POST /v1/users/u-behind/actions/signIn", "", b"")
}

async fn assert_no_trace(server: &Server, of: &str) {
    let listed = server.get("/users/u-behind/actions").secret().ok().await;
    assert_eq!(listed, json!([]), "{of:?}");
}

fn answers(text: &str) -> usize {
    text.matches("\r\ndate: ").count()
}

/// Lists requests that announce in different ways that they are the last of their connection.
fn last_ones(path: &str) -> Vec<String> {
    let secret = basic::encode_standard(SECRET);
    let auth = format!("Host: x\r\nAuthorization: Basic {secret}\r\n");
    let lines = [
        "Connection: close\r\n",
        "connection: Keep-Alive, CLOSE\r\n",
        "Connection: close, keep-alive\r\n",
        "Connection: keep-alive\r\nConnection:\tclose \r\n",
        "Connection: close\r\nConnection: upgrade\r\nUpgrade: websocket\r\n",
        "Connection: close, \u{fc}\r\n",
    ];
    let new = lines.map(|lines| format!("GET {path} HTTP/1.1\r\n{auth}{lines}\r\n"));
    let old = ["", "Connection: x\r\n", "Connection: keep-alive, close\r\n"];
    let old = old.map(|lines| format!("GET {path} HTTP/1.0\r\n{auth}{lines}\r\n"));
    new.into_iter().chain(old).collect()
}

#[tokio::test]
async fn a_request_behind_the_last_leaves_no_trace() {
    let server = Server::start();
    for last in last_ones("/v1/users/u-1") {
        let mut connection = Connection::open(&server).await;
        connection.write(&[last.as_bytes(), &behind().repeat(3)].concat()).await;
        let text = connection.read_to_end().await;
        assert!(answers(&text) == 1 && text.contains(" 200 OK"), "{last:?}: {text}");
        assert_no_trace(&server, &last).await;
    }
    // The operators' listener behaves in the same way.
    for last in last_ones("/health/live") {
        let mut connection = Connection::open_at(server.operations).await;
        connection.write(&last.repeat(3).into_bytes()).await;
        let text = connection.read_to_end().await;
        assert!(answers(&text) == 1 && text.contains(" 200 OK"), "{last:?}: {text}");
    }
}

#[tokio::test]
async fn a_last_request_with_a_body_is_carried_out_and_the_one_behind_is_not() {
    let server = Server::start();
    let json = "Content-Type: application/json\r\nConnection: close\r\n";
    let last = Server::request("POST /v1/users/u-1/actions/signIn", json, b"{}");
    let mut connection = Connection::open(&server).await;
    // The bytes are sent in small pieces, so that pieces end in the middle of a request.
    for piece in [last, behind()].concat().chunks(7) {
        connection.write(piece).await;
        tokio::task::yield_now().await;
    }
    let text = connection.read_to_end().await;
    assert!(answers(&text) == 1 && text.contains("connection: close\r\n"), "{text}");
    assert_eq!(server.get("/users/u-1/actions").secret().ok().await.as_array().unwrap().len(), 1);
    assert_no_trace(&server, "a body").await;
}

#[tokio::test]
async fn a_connection_of_http_1_0_that_is_kept_alive_carries_more() {
    let server = Server::start();
    let one = behind();
    let one = String::from_utf8(one).unwrap().replace("HTTP/1.1", "HTTP/1.0");
    let one = one.replace("Host:", "Connection: keep-alive\r\nHost:");
    let mut connection = Connection::open(&server).await;
    connection.write(&one.repeat(2).into_bytes()).await;
    for _ in 0..2 {
        let answer = connection.read().await;
        assert_eq!((answer.status, &*answer.headers["connection"]), (200, "keep-alive"));
    }
}

#[tokio::test]
async fn a_request_behind_an_answer_that_closes_leaves_no_trace() {
    let server = Server::start();
    // The server refuses this body by its declared length, and so never reads the request after it.
    let large = String::from_utf8(behind()).unwrap();
    let large = large.replace("Content-Length: 0", "Content-Length: 99999999");
    let mut connection = Connection::open(&server).await;
    connection.write(&[large.as_bytes(), &behind()].concat()).await;
    connection.read().await.refused(413, "invalid_request");
    assert!(connection.is_closed().await);
    // The last request that the server accepts on one connection.
    let one = Server::request("GET /v1/nowhere", "", b"");
    let most = usize::try_from(REQUESTS_PER_CONNECTION_MAX).unwrap();
    let mut connection = Connection::open(&server).await;
    connection.write(&[one.repeat(most), behind()].concat()).await;
    let text = connection.read_to_end().await;
    assert_eq!(answers(&text), most);
    // A malformed head.
    let mut connection = Connection::open(&server).await;
    connection.write(&[b"GET / HTTP/1.1\r\n\r\n".as_slice(), &behind()].concat()).await;
    let text = connection.read_to_end().await;
    assert!(answers(&text) == 1 && text.starts_with("HTTP/1.1 400"), "{text}");
    assert_no_trace(&server, "an answer that closes").await;
}

#[tokio::test]
async fn each_pipelined_request_is_answered_as_it_was_asked() {
    let server = Server::start();
    let head = Server::request("HEAD /v1/nowhere", "", b"");
    let get = Server::request("GET /v1/nowhere", "", b"");
    let old = String::from_utf8(get.clone()).unwrap().replace("HTTP/1.1", "HTTP/1.0");
    let mut connection = Connection::open(&server).await;
    connection.write(&[&head, &get, &head, &head, old.as_bytes()].concat()).await;
    for is_head in [true, false, true, true] {
        let answer = if is_head { connection.read_head().await } else { connection.read().await };
        assert_eq!(answer.status, 404, "{answer:?}");
        assert!(!answer.headers.contains_key("connection"), "{answer:?}");
    }
    let text = connection.read_to_end().await;
    assert!(answers(&text) == 1 && text.starts_with("HTTP/1.0 404"), "{text}");
}
