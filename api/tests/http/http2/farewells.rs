//! Tests of connections after the server's GOAWAY, with peers that ignore it.

use countersign::connection::Settings;
use countersign::connection::http2::FRAMES_AT_START;
use countersign_testkit::http2::*;

use super::frames::{Frame, Frames};
use super::varied::{PARKED, SOON, Varied, closed_although, get, request};
use crate::connections::settings;

/// Opens a connection with a request under way, and waits until the server has sent GOAWAY.
async fn left(varied: &Varied) -> Frames {
    let mut frames = Frames::open_at(varied.address, &[]).await;
    // The response to the second request shows that the first one has begun.
    frames.write(&[request(0, &get("/parked")), request(1, GET)].concat()).await;
    assert_eq!(frames.body().await, (id(1), "here".into()));
    varied.ends();
    frames.find(GOAWAY).await.expect("it says farewell");
    frames
}

#[actix_web::test]
async fn streams_that_begin_long_after_the_farewell_are_refused_and_do_not_keep_the_connection() {
    let mut frames = left(&Varied::patient()).await;
    let come = closed_although(&mut frames, |number| request(number + 1, &get("/parked"))).await;
    let told = |number| {
        let is_body = |frame: &&Frame| frame.kind == DATA && frame.stream == id(number);
        let body = come.iter().find(is_body).map(|frame| frame.payload.clone());
        body.map(|body| String::from_utf8(body).unwrap())
    };
    assert_eq!(told(0).as_deref(), Some("told"), "it was under way");
    assert_eq!(told(2).as_deref(), Some("told"), "it may have been on its way");
    let is_refused = |number| told(number).is_some_and(|body| body.contains("\"temporarily_"));
    assert!((3..200).any(is_refused), "it came too late");
}

#[actix_web::test]
async fn an_answer_that_is_taken_slowly_does_not_put_the_end_off_for_ever() {
    let with = Settings { silence: PARKED, shutdown: SOON * 10, ..settings() };
    let varied = Varied::start(with);
    let mut frames = Frames::open_at(varied.address, NO_WINDOW).await;
    frames.write(&request(0, &get("/large"))).await;
    assert!(frames.find(HEADERS).await.is_some());
    varied.ends();
    let room = |stream| frame(WINDOW_UPDATE, 0, stream, &[0, 0, 64, 0]);
    closed_although(&mut frames, |_| [room(0), room(id(0))].concat()).await;
}

#[actix_web::test]
async fn short_data_frames_of_streams_that_are_ignored_end_the_connection() {
    let mut frames = left(&Varied::patient()).await;
    let ping = frames.find(PING).await.expect("it asks whether the farewell was read");
    frames.write(&frame(PING, ACK, 0, &ping.payload)).await;
    frames.find(GOAWAY).await.expect("it names the last stream");
    // The HTTP library ignores this stream, because its number is above the last one in the GOAWAY.
    let data = frame(DATA, 0, id(9), b"x").repeat(FRAMES_AT_START as usize * 2);
    frames.write(&data).await;
    let goaway = frames.find(GOAWAY).await.expect("it is told so");
    assert_eq!(goaway.payload[7], ENHANCE_YOUR_CALM);
}

#[actix_web::test]
async fn uploads_in_short_frames_are_not_cut_also_after_the_farewell() {
    let varied = Varied::patient();
    let mut frames = Frames::open_at(varied.address, &[]).await;
    let upload = |number| {
        let head = frame(HEADERS, END_HEADERS, id(number), &post("/"));
        let part = frame(DATA, 0, id(number), &[b'x'; 64]);
        [head, part.repeat(255), frame(DATA, END_STREAM, id(number), &[b'x'; 64])].concat()
    };
    for number in 0..8 {
        frames.write(&upload(number)).await;
        assert_eq!(frames.body().await, (id(number), "16384".into()));
    }
    frames.write(&request(8, &get("/parked"))).await;
    frames.write(&request(9, GET)).await;
    assert_eq!(frames.body().await, (id(9), "here".into()));
    varied.ends();
    frames.find(GOAWAY).await.expect("it says farewell");
    frames.write(&upload(10)).await;
    assert_eq!(frames.body().await, (id(10), "16384".into()));
}
