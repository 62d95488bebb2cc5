//! HTTP/2 streams that are reset, whose head never ends, or whose response is never read.

use std::io;

use super::super::attack_context::{Context, Throttle};
use super::super::frames::{CONTINUATION, END_STREAM, Frames, HEADERS, INITIAL_WINDOW, head};
use super::{LARGEST_FILE, METRICS};

const CONNECTIONS: u64 = 8;
/// Maximum number of streams that are opened and reset per second, on all connections together.
const RESETS_PER_SECOND: u64 = 20_000;
/// Number of streams that are reset in one write.
const RESETS_TOGETHER: u32 = 50;
/// Bytes of endless heads per second, on all connections together.
const CONTINUATION_BYTES_PER_SECOND: u64 = 10_000_000;
/// Bytes of endless heads that are sent in one write.
const CONTINUATION_BYTES: usize = 1_000;
/// Number of connections with unread responses on the public and on the operators' listener, and of
/// streams on each connection.
const UNREAD: u64 = 250;
const UNREAD_OF_OPERATORS: u64 = 80;
const UNREAD_STREAMS: u32 = 128;

pub(in super::super) fn reset_rate() -> String {
    format!("{CONNECTIONS} connections, {RESETS_PER_SECOND} streams a second at most")
}

pub(in super::super) async fn rapid_reset(context: Context) {
    context.lanes(CONNECTIONS, CONNECTIONS, one_that_resets).await;
}

async fn one_that_resets(context: Context, _: u64) -> io::Result<()> {
    let mut peer = context.dial().await?;
    peer.send(&Frames::opening(&[]).0).await?;
    let path = context.either("/", "/health/live");
    let mut stream = 1;
    let block = || {
        let mut frames = Frames::default();
        for _ in 0..RESETS_TOGETHER {
            frames = frames.get(stream, path).reset(stream);
            stream += 2;
        }
        frames.0
    };
    peer.flood(Throttle::new(RESETS_PER_SECOND / CONNECTIONS), RESETS_TOGETHER, block).await
}

pub(in super::super) fn continuation_rate() -> String {
    let megabytes = CONTINUATION_BYTES_PER_SECOND / 1_000_000;
    format!("{CONNECTIONS} connections, {megabytes} MB a second at most")
}

pub(in super::super) async fn continuations(context: Context) {
    context.lanes(CONNECTIONS, CONNECTIONS, one_without_end).await;
}

async fn one_without_end(context: Context, number: u64) -> io::Result<()> {
    let mut peer = context.dial().await?;
    let begin = Frames::opening(&[]).frame(HEADERS, END_STREAM, 1, &head(false, "/", None));
    peer.send(&begin.0).await?;
    // On every second connection the CONTINUATION frames are empty, so that the head never reaches
    // the server's size limit.
    let part = if number.is_multiple_of(2) { endless() } else { Vec::new() };
    let one = Frames::default().frame(CONTINUATION, 0, 1, &part).0;
    let block = one.repeat(CONTINUATION_BYTES / one.len());
    let per_second = CONTINUATION_BYTES_PER_SECOND / CONNECTIONS / CONTINUATION_BYTES as u64;
    peer.flood(Throttle::new(per_second), 1, || block.clone()).await
}

/// Writes a part of a head: the same header again and again.
fn endless() -> Vec<u8> {
    b"\0\x01a\x01b".repeat((CONTINUATION_BYTES - 9) / 5)
}

pub(in super::super) fn unread_rate() -> String {
    format!(
        "{UNREAD} connections ({UNREAD_OF_OPERATORS} at the operators') with {UNREAD_STREAMS} \
         streams each"
    )
}

pub(in super::super) async fn unread(context: Context) {
    let count = context.either(UNREAD, UNREAD_OF_OPERATORS);
    context.lanes(count, UNREAD, one_unread).await;
}

async fn one_unread(context: Context, _: u64) -> io::Result<()> {
    let mut peer = context.dial().await?;
    let path = context.either(LARGEST_FILE, METRICS);
    let opening = Frames::opening(&[(INITIAL_WINDOW, 0)]);
    let all = (0..UNREAD_STREAMS).fold(opening, |frames, n| frames.get(n * 2 + 1, path));
    peer.send(&all.0).await?;
    // The client reads frames such as WINDOW_UPDATE. The bodies of the responses cannot come,
    // because the window is 0.
    while peer.take().await.is_ok() {}
    Ok(())
}
