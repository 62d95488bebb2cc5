//! Tests of bodies that arrive late.

use countersign::connection::http2::{BODIES_MAX, STREAMS_MAX};
use countersign_testkit::http2::*;

use super::frames::Frames;
use crate::support::{Server, Setup};

#[tokio::test]
async fn bodies_that_do_not_come_take_few_places_from_others() {
    let setup = Setup::default().set("server.requests_in_flight_max", "16");
    let server = setup.set("server.new_work_in_flight_max", "1").start();
    let mut frames = Frames::open(&server).await;
    let held = u32::try_from(BODIES_MAX).unwrap();
    for number in 0..STREAMS_MAX {
        frames.write(&frame(HEADERS, END_HEADERS, id(number), &wait())).await;
    }
    let (stream, body) = frames.body().await;
    assert!(stream >= id(held) && body.contains("\"temporarily_unavailable\""), "{body}");
    server.token("u-1").await;
}

#[tokio::test]
async fn bodies_that_come_behind_many_heads_are_all_let_in() {
    let server = Server::start();
    let mut frames = Frames::open(&server).await;
    let heads = (0..STREAMS_MAX).map(|number| frame(HEADERS, END_HEADERS, id(number), &wait()));
    frames.write(&heads.collect::<Vec<_>>().concat()).await;
    let bodies = (0..STREAMS_MAX).map(|number| frame(DATA, END_STREAM, id(number), b"{}"));
    frames.write(&bodies.collect::<Vec<_>>().concat()).await;
    for _ in 0..STREAMS_MAX {
        let (_, body) = frames.body().await;
        assert!(body.contains("\"unauthorized\"") || body.contains("\"invalid_"), "{body}");
    }
}
