//! Tests of peers that do not read their responses, but do something else on the connection.

use countersign::connection::Settings;
use countersign_testkit::http2::*;
use countersign_testkit::until;
use tokio::time::timeout;

use super::frames::Frames;
use super::varied::{SOON, Varied, closed_although, request};
use crate::connections::{SHORT, settings};

/// Head of `HEAD /` for the host `x`. Its response has no body, so it needs no window.
const HEAD: &[u8] = &[2, 4, b'H', b'E', b'A', b'D', 0x86, 0x84, 0x41, 1, b'x'];

#[actix_web::test]
async fn an_answer_that_is_not_taken_ends_the_connection_although_others_are() {
    let varied = Varied::start(Settings { silence: SHORT, ..settings() });
    let mut frames = Frames::open_at(varied.address, NO_WINDOW).await;
    frames.write(&request(0, GET)).await;
    closed_although(&mut frames, |number| request(number, HEAD)).await;
}

#[actix_web::test]
async fn an_answer_of_which_the_peer_takes_the_start_is_not_forgotten() {
    let varied = Varied::start(Settings { silence: SHORT, ..settings() });
    // With a window of one byte, the server's HTTP library has taken the whole response.
    let mut frames = Frames::open_at(varied.address, &[0, 4, 0, 0, 0, 1]).await;
    frames.write(&request(0, GET)).await;
    closed_although(&mut frames, |number| request(number, HEAD)).await;
}

#[actix_web::test]
async fn peers_that_take_no_answers_give_way_to_a_newcomer() {
    const PLACES: usize = 8;
    let varied = Varied::start(Settings { connections_max: PLACES, ..settings() });
    let mut untaken = Vec::new();
    for _ in 0..PLACES {
        let mut frames = Frames::open_at(varied.address, NO_WINDOW).await;
        frames.write(&request(0, GET)).await;
        assert!(frames.find(HEADERS).await.is_some());
        untaken.push(frames);
    }
    let newcomer = until("there is a place for it", async || {
        let mut frames = Frames::open_at(varied.address, &[]).await;
        frames.write(&request(0, GET)).await;
        frames.find(HEADERS).await
    });
    timeout(SOON, newcomer).await.expect("there is a place for it");
}
