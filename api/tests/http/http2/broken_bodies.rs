//! Tests of broken bodies. Each stream must end at once, free its permit, and delay no other
//! stream.

use std::net::SocketAddr;

use countersign::connection::http2::BODIES_MAX;
use countersign_testkit::http2::*;
use tokio::time::timeout;

use super::frames::Frames;
use crate::support::{Connection, PATIENCE, Server, Setup};

/// Far more memory than the server needs for these bodies. A worker that reads a body for ever
/// would consume as much in half a second.
const GROWTH_MAX: u64 = 256 << 20;
/// More broken bodies than there are permits for bodies.
const BROKEN: u32 = BODIES_MAX as u32 * 3;

/// A request with a broken body: the headers besides the usual ones, and the frames after the head.
struct Broken {
    name: &'static str,
    headers: Vec<u8>,
    rest: Vec<(u8, u8, Vec<u8>)>,
}

fn broken() -> [Broken; 7] {
    let of = |name, headers: Vec<u8>, rest| Broken { name, headers, rest };
    let body = b"0123456789abc".to_vec();
    [
        of("a body that is longer", content_length("5"), vec![(DATA, END_STREAM, body.clone())]),
        of("a body that is shorter", content_length("50"), vec![(DATA, END_STREAM, body.clone())]),
        of(
            "trailers that do not end",
            vec![],
            vec![(DATA, 0, b"{}".to_vec()), (HEADERS, END_HEADERS, vec![0, 1, b'a', 1, b'v'])],
        ),
        of("a reset without an error", vec![], vec![(RST_STREAM, 0, NO_ERROR.to_vec())]),
        of("a reset behind the head", vec![], vec![(RST_STREAM, 0, CANCEL.to_vec())]),
        of(
            "a reset behind some of the body",
            content_length("50"),
            vec![(DATA, 0, body), (RST_STREAM, 0, CANCEL.to_vec())],
        ),
        of(
            "a reset behind a long part of the body",
            content_length("9000"),
            vec![(DATA, 0, vec![b' '; 8000]), (RST_STREAM, 0, CANCEL.to_vec())],
        ),
    ]
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// Checks that the listener still responds to other clients.
async fn answers(address: SocketAddr) {
    let mut other = Connection::open_at(address).await;
    other.write(b"GET /v1/nowhere HTTP/1.1\r\nHost: x\r\n\r\n").await;
    other.read().await.refused(404, "invalid_request");
}

/// Sends a valid request with a body on this stream, and waits for the response.
async fn has_a_place(frames: &mut Frames, stream: u32) {
    frames.write(&frame(HEADERS, END_HEADERS, stream, &wait())).await;
    frames.write(&frame(DATA, 0, stream, b"{")).await;
    frames.write(&frame(DATA, END_STREAM, stream, b"}")).await;
    let (answered, body) = loop {
        let answer = frames.body().await;
        if answer.0 == stream {
            break answer;
        }
    };
    assert_eq!(answered, stream);
    assert!(!body.contains("temporarily_unavailable"), "{body}");
}

#[tokio::test]
async fn a_body_that_breaks_ends_its_stream_and_gives_its_place_back() {
    let server = Setup::default().set("server.requests_in_flight_max", "16").start();
    for listener in [server.address, server.operations] {
        for case in broken() {
            let before = resident_bytes();
            let mut frames = Frames::open_at(listener, &[]).await;
            for number in 0..BROKEN {
                let stream = id(number);
                let head = [wait(), case.headers.clone()].concat();
                frames.write(&frame(HEADERS, END_HEADERS, stream, &head)).await;
                for (kind, flags, payload) in &case.rest {
                    frames.write(&frame(*kind, *flags, stream, payload)).await;
                }
                // The PING shows that the server has begun the request, because many early resets
                // would end the connection.
                frames.write(&frame(PING, 0, 0, &[0; 8])).await;
                let seen = frames.find(PING).await;
                assert!(seen.is_some(), "{}: the connection goes on", case.name);
            }
            let on = has_a_place(&mut frames, id(BROKEN));
            timeout(PATIENCE, on).await.unwrap_or_else(|_| panic!("{}: it goes on", case.name));
            answers(listener).await;
            let grown = resident_bytes().saturating_sub(before);
            assert!(grown < GROWTH_MAX, "{}: {grown} bytes more", case.name);
        }
    }
}

#[tokio::test]
async fn a_request_that_was_reset_without_an_error_is_not_carried_out() {
    let server = Server::start();
    let mut frames = Frames::open(&server).await;
    let basic = countersign_wire::basic::encode_standard(crate::support::SECRET);
    let basic = format!("Basic {basic}");
    // `authorization` has index 23 in the static table of HPACK.
    let secret = [&[0x0f, 8, basic.len() as u8], basic.as_bytes()].concat();
    let head = |user| [post(&format!("/v1/users/{user}/actions/a")), secret.clone()].concat();
    // The server must not take the reset for the end of an empty body. An empty body counts as an
    // empty object, so the request would track an action.
    for number in 0..5 {
        let stream = id(number);
        let opened = frame(HEADERS, END_HEADERS, stream, &head("u-reset"));
        frames.write(&[opened, frame(RST_STREAM, 0, stream, &NO_ERROR)].concat()).await;
    }
    has_a_place(&mut frames, id(5)).await;
    let actions = server.get("/users/u-reset/actions").secret().ok().await;
    assert_eq!(actions.as_array().map(Vec::len), Some(0), "{actions}");
}

#[tokio::test]
async fn a_connection_that_is_lost_leaves_no_body_behind() {
    let server = Server::start();
    for listener in [server.address, server.operations] {
        let before = resident_bytes();
        for _ in 0..BODIES_MAX {
            let mut frames = Frames::open_at(listener, &[]).await;
            for number in 0..BROKEN {
                frames.write(&frame(HEADERS, END_HEADERS, id(number), &wait())).await;
                frames.write(&frame(DATA, 0, id(number), b"{")).await;
            }
            // The response shows that the server has read the earlier frames.
            frames.write(&frame(HEADERS, END_HEADERS | END_STREAM, id(BROKEN), GET)).await;
            assert!(frames.find(HEADERS).await.is_some());
            frames.0.set_zero_linger().unwrap();
        }
        answers(listener).await;
        let grown = resident_bytes().saturating_sub(before);
        assert!(grown < GROWTH_MAX, "{grown} bytes more");
    }
}
