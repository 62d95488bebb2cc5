//! HTTP/2 bodies that do not end as their heads announce.

use std::io;
use std::time::Duration;

use super::super::attack_context::{AttackConnection, Context};
use super::super::frames::{DATA, END_STREAM, Frames, HEADERS, head};

const CONNECTIONS_PER_SECOND: u64 = 40;
const CONNECTIONS_MAX: usize = 200;
/// Number of broken bodies on one connection.
const BODIES: u32 = 8;
/// Longest time for which a connection stays open.
const STAY: Duration = Duration::from_secs(1);
/// Time after which the client resets its connection, in the seventh way.
const LOST: Duration = Duration::from_millis(50);

pub(in super::super) fn rate() -> String {
    format!("{CONNECTIONS_PER_SECOND} connections a second with {BODIES} bodies each")
}

pub(in super::super) async fn begin(context: Context) {
    context.paced(CONNECTIONS_PER_SECOND, CONNECTIONS_MAX, one).await;
}

async fn one(context: Context, number: u64) -> io::Result<()> {
    let public = ["/", "/v1/client/challenge/push", "/v1/users/u/actions/a"];
    let operators = ["/", "/health/live", "/operator/accounts/t/u/release-hold"];
    let path = context.either(public, operators)[(number / 7 % 3) as usize];
    let mut peer = context.dial().await?;
    let frames = (0..BODIES).fold(Frames::opening(&[]), |frames, index| {
        broken(frames, number % 7, index * 2 + 1, path)
    });
    peer.send(&frames.0).await?;
    over(peer, number % 7).await
}

/// Writes a request whose body is broken in one of seven ways.
fn broken(frames: Frames, way: u64, stream: u32, path: &str) -> Frames {
    match way {
        // The body is longer than its content length.
        0 => frames.post(stream, path, 5).frame(DATA, END_STREAM, stream, b"{\"a\":\"bcde\"}"),
        // The body is shorter than its content length.
        1 => frames.post(stream, path, 500).frame(DATA, END_STREAM, stream, b"{\"a\":"),
        // The trailers do not end the stream.
        2 => {
            let open = frames.post(stream, path, 5).frame(DATA, 0, stream, b"{\"a\":");
            open.frame(HEADERS, 4, stream, b"\0\x01a\x01b")
        }
        3 => frames.post(stream, path, 5).reset(stream),
        4 => frames.post(stream, path, 50).frame(DATA, 0, stream, b"{\"a\":").reset(stream),
        // A second head follows within a body, and ends the stream.
        5 => {
            let open = frames.post(stream, path, 5).frame(DATA, 0, stream, b"{");
            open.frame(HEADERS, 4 | END_STREAM, stream, &head(true, path, Some(1)))
        }
        // The body does not end.
        _ => frames.post(stream, path, 50).frame(DATA, 0, stream, b"{\"a\":"),
    }
}

async fn over(mut peer: AttackConnection, way: u64) -> io::Result<()> {
    if way == 6 {
        peer.take_all(LOST).await;
        return peer.reset();
    }
    peer.take_all(STAY).await;
    Ok(())
}
