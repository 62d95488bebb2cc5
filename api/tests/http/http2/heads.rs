//! Tests of request heads and of their limits.

use countersign::connection::http2::{HEAD_BYTES_MAX, HEADERS_MAX, STREAMS_MAX};
use countersign_testkit::http2::*;

use super::frames::Frames;
use crate::support::Server;

#[tokio::test]
async fn the_server_says_how_many_streams_and_how_long_heads_it_takes() {
    let server = Server::start();
    let mut frames = Frames::open(&server).await;
    let settings = frames.find(SETTINGS).await.unwrap().payload;
    let setting = |id: u8| {
        let found = settings.chunks(6).find(|setting| setting[..2] == [0, id]);
        found.map(|setting| u32::from_be_bytes(setting[2..].try_into().unwrap()))
    };
    assert_eq!(setting(3), Some(STREAMS_MAX));
    assert_eq!(setting(6), Some(HEAD_BYTES_MAX));
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused() {
    let server = Server::start();
    let mut frames = Frames::open(&server).await;
    // A literal header `a` with a value of 20,000 bytes. HPACK encodes the length as 127 and the
    // remainder in groups of seven bits.
    let rest = 20_000 - 127_u32;
    let length =
        [0x7f, 0x80 | (rest & 0x7f) as u8, 0x80 | (rest >> 7 & 0x7f) as u8, (rest >> 14) as u8];
    let mut head = [GET, &[0, 1, b'a'], &length].concat();
    head.extend([b'v'; 20_000]);
    let (first, more) = head.split_at(16_000);
    frames.write(&frame(HEADERS, END_STREAM, 1, first)).await;
    frames.write(&frame(CONTINUATION, END_HEADERS, 1, more)).await;
    let refused = loop {
        let frame = frames.read().await.expect("the stream alone is refused");
        if matches!(frame.kind, HEADERS | RST_STREAM) {
            break frame;
        }
    };
    // The server resets the stream, or sends status 431, which is a literal because HPACK has no
    // index for it.
    let text = String::from_utf8_lossy(&refused.payload);
    assert!(refused.kind == RST_STREAM || !refused.payload.starts_with(&[0x88]), "{text:?}");
    Server::token(&server, "u-1").await;
}

#[tokio::test]
async fn a_head_without_an_end_is_cut_off() {
    let server = Server::start();
    let mut frames = Frames::open(&server).await;
    frames.write(&frame(HEADERS, 0, 1, GET)).await;
    for _ in 0..10_000 {
        frames.write(&frame(CONTINUATION, 0, 1, &[0; 0])).await;
    }
    assert!(frames.find(GOAWAY).await.is_some_and(|goaway| goaway.payload[7] != 0));
    server.token("u-1").await;
}

#[tokio::test]
async fn a_head_of_too_many_lines_is_refused() {
    let server = Server::start();
    let head = |lines| [GET, &[0, 1, b'a', 1, b'v'].repeat(lines)].concat();
    Frames::ask(&server, &head(HEADERS_MAX)).await.expect("they are taken");
    let refused = Frames::ask(&server, &head(HEADERS_MAX + 1)).await.unwrap_err();
    assert!(refused.contains("\"invalid_request\"") && refused.contains("too long"), "{refused}");
}

#[tokio::test]
async fn a_head_that_names_no_path_or_two_hosts_is_refused() {
    let server = Server::start();
    let connect = [&[2, 7], &b"CONNECT"[..], &[0x41, 1, b'x']].concat();
    // `host` has index 38 in the static table of HPACK.
    let host = |host| [0x0f, 23, 1, host];
    let other = [GET, &host(b'y')].concat();
    let twice = [GET, &host(b'x'), &host(b'x')].concat();
    for head in [connect, other, twice] {
        let refused = Frames::ask(&server, &head).await.unwrap_err();
        assert!(refused.contains("\"invalid_request\""), "{refused}");
    }
    Frames::ask(&server, &[GET, &host(b'x')].concat()).await.expect("both name the same");
}
