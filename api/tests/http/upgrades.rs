//! Tests of requests with an `Upgrade` header (RFC 9110, section 7.8). The server ignores the
//! header, and frames and answers the request as if it were absent.

use countersign_wire::basic;

use crate::support::{Connection, SECRET, Server};

const WISHES: [&str; 7] = [
    "Upgrade: websocket\r\n",
    "upgrade:WebSocket\r\nUPGRADE: websocket\r\n",
    "Upgrade: websocket\r\nConnection: upgrade\r\n",
    "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n",
    "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\n",
    "Upgrade: TLS/1.3, websocket\r\nConnection: upgrade\r\n",
    "Connection: upgrade\r\n",
];

/// Makes two requests that track an action. One body has a length, the other is chunked.
fn tracks(wish: &str) -> [Vec<u8>; 2] {
    let track = "POST /v1/users/u-1/actions/signIn";
    let json = format!("Content-Type: application/json\r\n{wish}");
    let sized = Server::request(track, &json, b"{\"email\":\"a@b.c\"}");
    let secret = basic::encode_standard(SECRET);
    let chunked = format!(
        "{track} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {secret}\r\n{json}\
         Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\nTrailer: x\r\n\r\n"
    );
    [sized, chunked.into_bytes()]
}

#[tokio::test]
async fn a_wish_for_another_protocol_changes_nothing() {
    let server = Server::start();
    let (mut tracked, nowhere) = (0, Server::request("GET /v1/nowhere", "", b""));
    for wish in WISHES {
        for track in tracks(wish) {
            let mut connection = Connection::open(&server).await;
            // The bytes after the body are the next request.
            connection.write(&[track.clone(), track, nowhere.clone()].concat()).await;
            for _ in 0..2 {
                let answer = connection.read().await;
                assert_eq!(answer.status, 200, "{wish:?}: {answer:?}");
                for name in ["upgrade", "connection"] {
                    assert!(!answer.headers.contains_key(name), "{wish:?}: {answer:?}");
                }
                tracked += 1;
            }
            connection.read().await.refused(404, "invalid_request");
        }
    }
    let listed = server.get("/users/u-1/actions").secret().ok().await;
    assert_eq!(listed.as_array().unwrap().len(), tracked);
}

#[tokio::test]
async fn a_wish_in_pieces_changes_nothing_either() {
    let server = Server::start();
    for track in tracks(WISHES[3]) {
        let mut connection = Connection::open(&server).await;
        for byte in track {
            connection.write(&[byte]).await;
            tokio::task::yield_now().await;
        }
        assert_eq!(connection.read().await.status, 200);
    }
}

#[tokio::test]
async fn a_wish_without_a_body_is_answered_at_once_by_operators_too() {
    let server = Server::start();
    for wish in WISHES {
        let request = format!("GET /health/live HTTP/1.1\r\nHost: x\r\n{wish}\r\n");
        let mut connection = Connection::open_at(server.operations).await;
        for _ in 0..2 {
            connection.write(request.as_bytes()).await;
            assert_eq!(connection.read().await.status, 200, "{wish:?}");
        }
    }
}

#[tokio::test]
async fn a_body_of_old_http_needs_a_length_with_a_wish_too() {
    let server = Server::start();
    let request = "POST /v1/validate HTTP/1.0\r\nUpgrade: websocket\r\n\r\n";
    let answer = Connection::send(&server, request.as_bytes()).await;
    answer.refused(400, "invalid_request");
}

#[tokio::test]
async fn a_tunnel_is_refused_and_what_is_meant_for_it_is_not_carried_out() {
    let server = Server::start();
    let behind = Server::request("POST /v1/users/u-behind/actions/signIn", "", b"");
    for lines in ["", "Upgrade: websocket\r\n", "Content-Length: 0\r\n"] {
        for listener in [server.address, server.operations] {
            let connect = format!("CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n{lines}\r\n");
            let mut connection = Connection::open_at(listener).await;
            connection.write(&[connect.as_bytes(), &behind].concat()).await;
            let text = connection.read_to_end().await;
            assert!(text.starts_with("HTTP/1.1 4"), "{lines:?}: {text}");
            assert_eq!(text.matches("\r\ndate: ").count(), 1, "{lines:?}: {text}");
        }
    }
    let listed = server.get("/users/u-behind/actions").secret().ok().await;
    assert_eq!(listed.as_array().unwrap().len(), 0);
}
