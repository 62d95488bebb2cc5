//! Tests of HTTP/2 connections that begin in unusual ways, send nothing, or do not read responses.

use std::time::Duration;

use countersign::connection::Settings;
use countersign_testkit::http2::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::frames::Frames;
use crate::connections::{SHORT, Small, settings};
use crate::support::{PATIENCE, Server};

#[tokio::test]
async fn a_preface_that_is_cut_short_is_let_go() {
    let server = Server::start();
    for start in [&PREFACE[..5], &PREFACE[..11]] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(start).await.unwrap();
        let mut byte = [0];
        let read = timeout(PATIENCE, stream.read(&mut byte)).await.expect("it is closed");
        assert!(!matches!(read, Ok(1..)));
    }
}

#[tokio::test]
async fn a_preface_may_come_in_two_parts() {
    let server = Server::start();
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream.write_all(&PREFACE[..7]).await.unwrap();
    // The pause lets the server read the first part alone. Nothing outside shows that it has.
    sleep(Duration::from_millis(50)).await;
    stream.write_all(&PREFACE[7..]).await.unwrap();
    let mut frames = Frames(stream);
    frames.write(&frame(SETTINGS, 0, 0, &[])).await;
    frames.write(&frame(HEADERS, END_HEADERS | END_STREAM, 1, GET)).await;
    let answer = frames.find(HEADERS).await.unwrap();
    assert_eq!(answer.payload[0], 0x88, "200, from the table of HPACK");
}

#[actix_web::test]
async fn a_connection_that_asks_for_nothing_is_let_go() {
    let small = Small::start(Settings { head_read: SHORT, ..settings() });
    let mut frames = Frames::open_at(small.address, &[]).await;
    while frames.read().await.is_some() {}
    let mut frames = Frames::open_at(small.address, &[]).await;
    // A head that never ends.
    frames.write(&frame(HEADERS, 0, 1, GET)).await;
    while frames.read().await.is_some() {}
    small.stop(false).await;
}

#[actix_web::test]
async fn answers_that_nobody_takes_end_the_connection() {
    let small = Small::start(Settings { silence: SHORT, ..settings() });
    let mut frames = Frames::open_at(small.address, NO_WINDOW).await;
    frames.write(&frame(HEADERS, END_HEADERS | END_STREAM, 1, GET)).await;
    assert!(frames.find(HEADERS).await.is_some());
    while frames.read().await.is_some() {}
    small.stop(false).await;
}

#[actix_web::test]
async fn who_says_nothing_does_not_hold_up_the_end() {
    let small = Small::start(Settings { shutdown: PATIENCE * 10, ..settings() });
    let mut frames = Frames::open_at(small.address, &[]).await;
    frames.write(&frame(HEADERS, END_HEADERS | END_STREAM, 1, GET)).await;
    frames.body().await;
    timeout(PATIENCE, small.stop(true)).await.expect("it ends");
}
