//! Tests of the streams of one connection, and of their limits.

use countersign::connection::REQUESTS_PER_CONNECTION_MAX;
use countersign::connection::http2::STREAMS_MAX;
use countersign_testkit::http2::*;

use super::frames::{Frame, Frames};
use crate::support::Server;

#[tokio::test]
async fn one_stream_too_many_is_refused_and_those_before_it_are_not() {
    let server = Server::start();
    let mut frames = Frames::open_at(server.address, NO_WINDOW).await;
    // The client reads none of these responses, so their streams stay open until they time out.
    for number in 0..STREAMS_MAX {
        frames.write(&frame(HEADERS, END_HEADERS | END_STREAM, id(number), GET)).await;
    }
    frames.write(&frame(HEADERS, END_HEADERS | END_STREAM, id(STREAMS_MAX), GET)).await;
    let reset = frames.find(RST_STREAM).await.unwrap();
    assert_eq!((reset.stream, reset.payload[3]), (id(STREAMS_MAX), REFUSED_STREAM));
}

#[tokio::test]
async fn streams_that_are_reset_at_once_end_the_connection() {
    let server = Server::start();
    let mut frames = Frames::open(&server).await;
    for number in 0..20_000 {
        let head = frame(HEADERS, END_HEADERS | END_STREAM, id(number), GET);
        let reset = frame(RST_STREAM, 0, id(number), &[0, 0, 0, 8]);
        frames.write(&[head, reset].concat()).await;
    }
    // The client gets GOAWAY, and the connection ends long before the server has read all streams.
    assert!(frames.find(GOAWAY).await.is_none_or(|goaway| id(19_999) > last_of(&goaway)));
    server.token("u-1").await;
}

/// A proxy sends such resets if all of its clients disconnect at the same moment.
#[tokio::test]
async fn a_connection_outlives_requests_that_are_all_reset_at_the_same_moment() {
    let server = Server::start();
    let mut frames = Frames::open(&server).await;
    let mut bytes = Vec::new();
    for number in 0..STREAMS_MAX {
        bytes.extend(frame(HEADERS, END_HEADERS | END_STREAM, id(number), GET));
        bytes.extend(frame(RST_STREAM, 0, id(number), &CANCEL));
    }
    frames.write(&bytes).await;
    answers(&mut frames, STREAMS_MAX).await;
}

/// `HAProxy` ends uploads this way if its clients break them off.
#[tokio::test]
async fn a_connection_outlives_bodies_that_are_all_too_short() {
    let server = Server::start();
    let mut frames = Frames::open(&server).await;
    frames.0.set_nodelay(true).unwrap();
    let head = [post("/v1/client/verify/push"), content_length("50")].concat();
    let broken = REQUESTS_PER_CONNECTION_MAX - 1;
    for number in 0..broken {
        let head = frame(HEADERS, END_HEADERS, id(number), &head);
        let end = frame(DATA, END_STREAM, id(number), b"{");
        let reset = frame(RST_STREAM, 0, id(number), &CANCEL);
        let ping = frame(PING, 0, 0, &[0; 8]);
        frames.write(&[head, end, reset, ping].concat()).await;
        // The server reads each stream before the next one arrives.
        assert!(frames.find(PING).await.is_some(), "the connection goes on after {number}");
    }
    answers(&mut frames, broken).await;
}

#[tokio::test]
async fn a_connection_that_has_carried_its_requests_ends_at_once() {
    let server = Server::start();
    let mut frames = Frames::open(&server).await;
    frames.0.set_nodelay(true).unwrap();
    // Enlarges the window, so that all responses fit.
    frames.write(&frame(WINDOW_UPDATE, 0, 0, &[0x40, 0, 0, 0])).await;
    let last = REQUESTS_PER_CONNECTION_MAX - 1;
    for number in 0..last {
        answers(&mut frames, number).await;
    }
    frames.write(&frame(HEADERS, END_HEADERS | END_STREAM, id(last), GET)).await;
    assert_eq!(frames.find(GOAWAY).await.unwrap().payload[4..8], NO_ERROR);
}

/// Sends the next request of a connection, and waits for the response.
async fn answers(frames: &mut Frames, number: u32) {
    frames.write(&frame(HEADERS, END_HEADERS | END_STREAM, id(number), GET)).await;
    loop {
        let answer = frames.find(HEADERS).await.expect("the connection goes on");
        if answer.stream == id(number) {
            return;
        }
    }
}

fn last_of(goaway: &Frame) -> u32 {
    u32::from_be_bytes(goaway.payload[..4].try_into().unwrap())
}
