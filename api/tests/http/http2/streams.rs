//! Streams of one connection, and their limits.

use countersign::connection::http2::STREAMS_MAX;

use super::frames::{Frame, Frames};
use super::wire::*;
use crate::support::Server;

#[tokio::test]
async fn one_stream_too_many_is_refused_and_those_before_it_are_not() {
    let server = Server::start();
    let mut frames = Frames::open_at(server.address, NO_WINDOW).await;
    // Their answers are not taken: they are under way until their time is over.
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
    // It is told to go, and the connection ends long before all have been looked at.
    assert!(frames.find(GOAWAY).await.is_none_or(|goaway| id(19_999) > last_of(&goaway)));
    server.token("u-1").await;
}

fn last_of(goaway: &Frame) -> u32 {
    u32::from_be_bytes(goaway.payload[..4].try_into().unwrap())
}
