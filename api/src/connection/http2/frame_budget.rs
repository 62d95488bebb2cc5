//! Budget of one connection for HTTP/2 frames that do no work: `PING`, `SETTINGS`, `WINDOW_UPDATE`,
//! `PRIORITY`, `RST_STREAM`, empty `DATA` and unknown ones. Neither HTTP/2 nor the library limits
//! their number. After GOAWAY the library ignores new streams, so short `DATA` frames cost budget
//! then too.
//!
//! A client needs some of these frames for each request, and for each part of a response. So both
//! add frames to the budget. This module reads no clock and no socket.

use std::time::Duration;

/// Frames in the budget of a new connection: for the client's settings, and for the heads of as
/// many requests as may be in flight at once.
pub const FRAMES_AT_START: u32 = 512;
/// Frames that each request adds. Proxies and browsers need up to eight: head, body, priority,
/// window updates for the stream and for the connection, reset.
pub const FRAMES_PER_REQUEST: u32 = 16;
/// Bytes of a response that add one frame. The clients with most frames send two window updates for
/// every 4,096 bytes.
pub const ANSWER_BYTES_PER_FRAME: usize = 256;
/// Frames that every second adds, for a client that only keeps its connection alive.
pub const FRAMES_PER_SECOND: u32 = 32;
/// Maximum of frames in the budget. It suffices for the window updates of a client with a long
/// delay and much data in transit.
pub const FRAMES_SAVED_MAX: u32 = 8192;
/// Bytes of payload that cost one further frame, because a single frame may have 16,384 bytes.
const PAYLOAD_BYTES_PER_FRAME: usize = 256;

/// Bytes of the connection preface, before the first frame.
const PREFACE_BYTES: usize = 24;
const HEAD_BYTES: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;

/// Frames that a connection may still send.
pub(super) struct FrameBudget {
    frames: u32,
    /// Age of the connection at the last spending, in whole seconds. Frames for the time until then
    /// have been added.
    seconds: u32,
    /// Bytes of responses that have not added a frame yet.
    answered: usize,
}

impl FrameBudget {
    pub(super) const fn new() -> Self {
        Self { frames: FRAMES_AT_START, seconds: 0, answered: 0 }
    }

    fn earn(&mut self, frames: u32) {
        self.frames = self.frames.saturating_add(frames).min(FRAMES_SAVED_MAX);
    }

    /// Adds the frames of a request that begins.
    pub(super) fn begin(&mut self) {
        self.earn(FRAMES_PER_REQUEST);
    }

    /// Adds the frames for `bytes` of a response.
    pub(super) fn answer(&mut self, bytes: usize) {
        let answered = self.answered.saturating_add(bytes);
        self.answered = answered % ANSWER_BYTES_PER_FRAME;
        self.earn(u32::try_from(answered / ANSWER_BYTES_PER_FRAME).unwrap_or(u32::MAX));
    }

    /// Removes frames from the budget of a connection of this `age`. Returns `false` if the budget
    /// had too few.
    #[must_use]
    pub(super) fn spend(&mut self, frames: u32, age: Duration) -> bool {
        let seconds = u32::try_from(age.as_secs()).unwrap_or(u32::MAX);
        let since = seconds.saturating_sub(self.seconds);
        self.seconds = seconds;
        self.earn(since.saturating_mul(FRAMES_PER_SECOND));
        let left = self.frames.checked_sub(frames);
        self.frames = left.unwrap_or(0);
        left.is_some()
    }
}

/// Parser that finds the frame heads in a peer's bytes, from the connection preface on.
pub(super) struct FrameHeads {
    head: [u8; HEAD_BYTES],
    /// Number of bytes of the next head that have arrived.
    come: usize,
    /// Number of bytes before the next head: preface or payload.
    passing: usize,
}

impl FrameHeads {
    pub(super) const fn new() -> Self {
        Self { head: [0; HEAD_BYTES], come: 0, passing: PREFACE_BYTES }
    }

    /// Returns the cost of the frames whose heads end in `bytes`. `is_leaving` is true after
    /// GOAWAY.
    pub(super) fn cost(&mut self, mut bytes: &[u8], is_leaving: bool) -> u32 {
        let mut cost = 0_u32;
        loop {
            let passed = self.passing.min(bytes.len());
            self.passing -= passed;
            bytes = bytes.get(passed..).unwrap_or_default();
            let Some((byte, rest)) = bytes.split_first() else { return cost };
            if let Some(next) = self.head.get_mut(self.come) {
                *next = *byte;
            }
            self.come += 1;
            bytes = rest;
            if self.come == HEAD_BYTES {
                let [long, length @ .., kind, flags, _, _, _, _] = self.head;
                let length = u32::from_be_bytes([0, long, length[0], length[1]]) as usize;
                self.come = 0;
                self.passing = length;
                cost = cost.saturating_add(cost_of(kind, flags, length, is_leaving));
            }
        }
    }
}

fn cost_of(kind: u8, flags: u8, length: usize, is_leaving: bool) -> u32 {
    match kind {
        // After GOAWAY the library ignores these frames and does not count them.
        DATA if is_leaving && length < PAYLOAD_BYTES_PER_FRAME => 1,
        // The library limits short frames, and flow control limits the bytes of all `DATA` frames.
        DATA if length > 0 && flags & END_STREAM == 0 => 0,
        // The library limits the bytes of a head. A complete head adds the frames of a request.
        DATA | HEADERS | CONTINUATION => 1,
        _ => u32::try_from(1 + length / PAYLOAD_BYTES_PER_FRAME).unwrap_or(u32::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PING: u8 = 6;
    const NOW: Duration = Duration::ZERO;

    fn frame(kind: u8, flags: u8, length: usize) -> Vec<u8> {
        let bytes = u32::try_from(length).unwrap().to_be_bytes();
        let head = [bytes[1], bytes[2], bytes[3], kind, flags, 0, 0, 0, 1];
        // The payload looks like frame heads.
        [&head[..], &vec![6; length]].concat()
    }

    #[test]
    fn frames_cost_the_same_wherever_they_are_cut() {
        let frames = [
            vec![b'P'; PREFACE_BYTES],
            frame(PING, 0, 8),
            frame(HEADERS, 0, 700),
            frame(DATA, 0, 16_384),
            frame(DATA, END_STREAM, 16_384),
            frame(DATA, 0, 0),
            frame(DATA, 0, 255),
            frame(200, 0, 1024),
            frame(CONTINUATION, 0, 0),
        ];
        let sent = frames.concat();
        for piece in [1, 2, 7, 9, 10, 4096, sent.len()] {
            for (is_leaving, short) in [(false, 0), (true, 1)] {
                let mut heads = FrameHeads::new();
                let cost = |piece| heads.cost(piece, is_leaving);
                let cost = sent.chunks(piece).map(cost).sum::<u32>();
                assert_eq!(cost, 1 + 1 + 1 + 1 + short + 5 + 1, "in pieces of {piece} bytes");
            }
        }
    }

    #[test]
    fn a_connection_that_earns_nothing_ends_with_its_allowance() {
        let mut budget = FrameBudget::new();
        assert!(budget.spend(FRAMES_AT_START, NOW));
        assert!(!budget.spend(1, NOW));
    }

    #[test]
    fn requests_answers_and_time_earn_frames() {
        let spent = || {
            let mut budget = FrameBudget::new();
            assert!(budget.spend(FRAMES_AT_START, NOW));
            budget
        };
        let mut budget = spent();
        budget.begin();
        assert!(budget.spend(FRAMES_PER_REQUEST, NOW) && !budget.spend(1, NOW));
        let mut budget = spent();
        // Small parts of responses add up.
        (0..ANSWER_BYTES_PER_FRAME).for_each(|_| budget.answer(3));
        assert!(budget.spend(3, NOW) && !budget.spend(1, NOW));
        let mut budget = spent();
        let second = Duration::from_secs(1);
        assert!(budget.spend(FRAMES_PER_SECOND, second) && !budget.spend(1, second));
    }

    #[test]
    fn what_is_saved_has_a_bound() {
        let mut budget = FrameBudget::new();
        (0..FRAMES_SAVED_MAX).for_each(|_| budget.begin());
        budget.answer(usize::MAX);
        assert!(budget.spend(FRAMES_SAVED_MAX, Duration::MAX));
        assert!(!budget.spend(1, Duration::MAX));
    }
}
