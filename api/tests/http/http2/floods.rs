//! Tests of floods of cheap frames, and of clients that send many frames for good reasons.

use std::net::SocketAddr;
use std::time::Duration;

use countersign::connection::REQUESTS_PER_CONNECTION_MAX;
use countersign::connection::http2::{FRAMES_AT_START, FRAMES_PER_SECOND};
use countersign_testkit::http2::*;
use futures_util::{StreamExt as _, stream};
use reqwest::Client;

use super::frames::Frames;
use crate::support::{PATIENCE, Server};

/// Requests of a busy client that the server must not treat as a flood.
const REQUESTS: usize = 10_000;

/// Lists frames that a client may send at any time, with a name for a flood of each.
fn floods() -> Vec<(&'static str, Vec<u8>)> {
    let many_settings = [0, 4, 0, 1, 0, 0].repeat(2000);
    vec![
        ("PING", frame(PING, 0, 0, &[0; 8])),
        ("acknowledged PING", frame(PING, ACK, 0, &[0; 8])),
        ("SETTINGS", frame(SETTINGS, 0, 0, &[])),
        ("long SETTINGS", frame(SETTINGS, 0, 0, &many_settings)),
        ("WINDOW_UPDATE", frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1])),
        ("WINDOW_UPDATE of the connection", frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1])),
        ("PRIORITY", frame(PRIORITY, 0, 3, &[0, 0, 0, 1, 7])),
        ("RST_STREAM", frame(RST_STREAM, 0, 1, &CANCEL)),
        ("unknown", frame(200, 0, 0, &[])),
        ("long unknown", frame(200, 0, 0, &[0; 16_384])),
    ]
}

/// Sends a request and then a flood. Checks that the server closes the connection.
async fn ends_by(address: SocketAddr, name: &str, flood: &[u8]) {
    // Enough frames to exceed the budget, and few enough that the sockets' buffers hold all of
    // them.
    let times = if flood.len() < 100 { FRAMES_AT_START as usize * 2 } else { 30 };
    let mut frames = Frames::open_at(address, &[]).await;
    frames.write(&frame(HEADERS, END_HEADERS | END_STREAM, 1, GET)).await;
    assert!(frames.find(HEADERS).await.is_some(), "{name}");
    frames.write(&flood.repeat(times)).await;
    let goaway = frames.find(GOAWAY).await.expect(name);
    assert_eq!(goaway.payload[7], ENHANCE_YOUR_CALM, "{name}");
}

#[tokio::test]
async fn frames_that_do_no_work_end_the_connection_once_there_are_too_many() {
    let server = Server::start();
    for listener in [server.address, server.operations] {
        for (name, flood) in floods() {
            ends_by(listener, name, &flood).await;
        }
    }
    let metrics = server.operator_call(reqwest::Method::GET, "/metrics").send().await.text;
    assert!(metrics.contains("countersign_http2_frame_floods_total"), "{metrics}");
}

#[tokio::test]
async fn a_connection_may_send_its_allowance_at_once_and_more_by_and_by() {
    let server = Server::start();
    let mut frames = Frames::open(&server).await;
    // SETTINGS takes one frame of the budget, and its acknowledgement another.
    let allowance = FRAMES_AT_START as usize - 2;
    frames.write(&frame(PING, 0, 0, &[0; 8]).repeat(allowance)).await;
    for _ in 0..allowance {
        assert!(frames.find(PING).await.is_some());
    }
    // Only time refills the budget. The test waits for one second, and a little more because the
    // server may read its clock late.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let more = FRAMES_PER_SECOND as usize;
    frames.write(&frame(PING, 0, 0, &[0; 8]).repeat(more)).await;
    for _ in 0..more {
        assert!(frames.find(PING).await.is_some());
    }
}

#[tokio::test]
async fn a_proxy_that_sends_many_frames_for_each_request_is_never_cut() {
    const TOGETHER: usize = 100;
    let server = Server::start();
    let mut frames = Frames::open(&server).await;
    let mut stream = 1;
    for _ in 0..REQUESTS / TOGETHER {
        if stream == id(REQUESTS_PER_CONNECTION_MAX) {
            (frames, stream) = (Frames::open(&server).await, 1);
        }
        let mut sent = Vec::new();
        for number in 0..TOGETHER as u32 {
            let stream = stream + 2 * number;
            sent.extend(frame(PRIORITY, 0, stream, &[0, 0, 0, 0, 7]));
            sent.extend(frame(HEADERS, END_HEADERS | END_STREAM, stream, GET));
            sent.extend(frame(WINDOW_UPDATE, 0, stream, &[0, 0, 1, 0]));
            sent.extend(frame(WINDOW_UPDATE, 0, 0, &[0, 0, 64, 0]));
        }
        sent.extend(frame(PING, 0, 0, &[0; 8]));
        frames.write(&sent).await;
        let mut ended = 0;
        while ended < TOGETHER {
            let frame = frames.read().await.expect("it is not cut");
            // The server answers the last request of a connection with a GOAWAY without an error.
            let is_cut = match frame.kind {
                GOAWAY => frame.payload[4..8] != NO_ERROR,
                kind => kind == RST_STREAM,
            };
            assert!(!is_cut, "kind {}", frame.kind);
            ended += usize::from(matches!(frame.kind, DATA | HEADERS) && frame.ends());
        }
        stream += 2 * TOGETHER as u32;
    }
}

#[tokio::test]
async fn ten_thousand_requests_of_a_client_library_are_all_answered() {
    let server = Server::start();
    let client = Client::builder().no_proxy().http2_prior_knowledge().timeout(PATIENCE);
    let client = client.build().unwrap();
    let url = format!("http://{}/sdk/countersign.js", server.address);
    let asked = stream::iter(0..REQUESTS).map(|_| async {
        let answer = client.get(&url).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.bytes().await.unwrap().len()
    });
    let bytes = asked.buffer_unordered(64).collect::<Vec<_>>().await;
    assert!(bytes.iter().all(|length| *length == bytes[0] && *length > 8192));
}
