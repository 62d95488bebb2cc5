//! Generator of frames in any order and of any shape.

use countersign_testkit::http2::*;
use fastrand::Rng;

use super::heads;

const PUSH_PROMISE: u8 = 5;
const PADDED: u8 = 8;

/// The streams that a sequence has used so far.
pub(super) struct Streams {
    next: u32,
    /// True if the sequence contains no frame that makes the server close the whole connection.
    is_tame: bool,
}

impl Streams {
    pub(super) const fn new(is_tame: bool) -> Self {
        Self { next: 1, is_tame }
    }

    /// Returns true in one of `times` cases, at random. Always returns false for a tame sequence,
    /// because the error may end the connection.
    fn errs(&self, random: &mut Rng, times: u8) -> bool {
        !self.is_tame && random.u8(..times) == 0
    }

    /// Generates a valid head for a tame sequence, and any head otherwise.
    fn head(&self, random: &mut Rng) -> Vec<u8> {
        if self.is_tame { heads::sound(random) } else { heads::any(random) }
    }

    fn open(&mut self) -> u32 {
        self.next += 2;
        self.next - 2
    }

    /// Picks a stream at random. A tame sequence gets one that has begun; another sequence may also
    /// get a stream that has not begun, or an invalid number.
    fn any(&self, random: &mut Rng) -> u32 {
        match if self.is_tame { 9 } else { random.u8(..10) } {
            0 => 0,
            1 => self.next + 2 * random.u32(..50),
            2 => 2 * random.u32(..50),
            3 => u32::MAX >> random.u32(..2),
            _ => random.u32(..(self.next / 2).max(1)) * 2 + 1,
        }
    }
}

fn bytes(random: &mut Rng, max: usize) -> Vec<u8> {
    let byte = random.u8(..);
    let length = random.usize(..=max);
    if random.bool() { vec![byte; length] } else { (0..length).map(|_| random.u8(..)).collect() }
}

/// Appends the next frames of a client to `sent`.
pub(super) fn sequence(random: &mut Rng, streams: &mut Streams, sent: &mut Vec<u8>) {
    // A frame of a stream that has not begun is a connection error, and so are the last four kinds
    // below.
    let first = streams.is_tame && streams.next == 1;
    match random.u8(..if first {
        7
    } else if streams.is_tame {
        12
    } else {
        16
    }) {
        0 | 1 => {
            let head = streams.head(random);
            let flags = END_HEADERS | END_STREAM;
            let flags = if streams.errs(random, 8) { random.u8(..) } else { flags };
            sent.extend(frame(HEADERS, flags, streams.open(), &head));
        }
        2..7 => upload(random, streams, sent),
        7 => split(random, streams, sent),
        8 => sent.extend(settings(random, streams.is_tame)),
        9 => sent.extend(control(random, streams)),
        10 => {
            let repeated = control(random, streams).repeat(random.usize(1..300));
            sent.extend(repeated);
        }
        11 => {
            // Many requests whose responses cannot be sent, because the window is zero.
            sent.extend(frame(SETTINGS, 0, 0, NO_WINDOW));
            for _ in 0..random.usize(1..200) {
                sent.extend(frame(HEADERS, END_HEADERS | END_STREAM, streams.open(), GET));
            }
        }
        12 => {
            let (kind, flags) = (random.u8(..12), random.u8(..));
            sent.extend(frame(kind, flags, streams.any(random), &bytes(random, 64)));
        }
        13 => sent.extend(wrong_length(random, streams)),
        14 => {
            // Heads that are each followed by a reset.
            for _ in 0..random.usize(1..100) {
                let stream = streams.open();
                sent.extend(frame(HEADERS, END_HEADERS | random.u8(..2), stream, GET));
                sent.extend(frame(RST_STREAM, 0, stream, &[0, 0, 0, random.u8(..14)]));
            }
        }
        _ => sent.extend(bytes(random, 300)),
    }
}

/// Adds padding to a payload. With `errs`, the declared padding may be longer than the frame.
fn padded(random: &mut Rng, payload: &[u8], errs: bool) -> Vec<u8> {
    let padding = random.u8(..40);
    let said = if errs { random.u8(..) } else { padding };
    [&[said], payload, &vec![0; usize::from(padding)]].concat()
}

/// Appends a request with a body. The body may end, break off, continue after its end, or never
/// begin.
fn upload(random: &mut Rng, streams: &mut Streams, sent: &mut Vec<u8>) {
    let size = match random.u8(..10) {
        0 => 0,
        1 => random.usize(..40_000),
        _ => random.usize(..200),
    };
    let stream = streams.open();
    let head = heads::with_body(random, size);
    sent.extend(frame(HEADERS, END_HEADERS, stream, &head));
    let mut left = size;
    while left > 0 {
        let part = random.usize(1..=left.min(16_000));
        left -= part;
        let payload = vec![*random.choice(b"{ 0").unwrap(); part];
        match random.u8(..6) {
            0 => {
                let errs = streams.errs(random, 5);
                sent.extend(frame(DATA, PADDED, stream, &padded(random, &payload, errs)));
            }
            1 => {
                sent.extend(frame(DATA, 0, stream, &[]));
                sent.extend(frame(DATA, 0, stream, &payload));
            }
            _ => sent.extend(frame(DATA, 0, stream, &payload)),
        }
    }
    let trailers = [0, 1, b'a', 1, b'v'];
    match random.u8(..10) {
        0..3 => sent.extend(frame(DATA, END_STREAM, stream, &[])),
        3 => sent.extend(frame(HEADERS, END_HEADERS | END_STREAM, stream, &trailers)),
        4 => sent.extend(frame(HEADERS, END_HEADERS, stream, &trailers)),
        5 => sent.extend(frame(RST_STREAM, 0, stream, &NO_ERROR)),
        6 => sent.extend(frame(RST_STREAM, 0, stream, &[0, 0, 0, random.u8(..14)])),
        7 => sent.extend(frame(DATA, END_STREAM, stream, &bytes(random, 100))),
        8 if !streams.is_tame => {
            sent.extend(frame(DATA, END_STREAM, stream, &[]));
            sent.extend(frame(DATA, random.u8(..2), stream, b"more"));
        }
        _ => {}
    }
}

/// Appends a head that is split into many frames, sometimes with a frame of another kind between
/// them.
fn split(random: &mut Rng, streams: &mut Streams, sent: &mut Vec<u8>) {
    let stream = streams.open();
    let head = streams.head(random);
    // If a head has more than a few parts, the server closes the connection.
    let part = random.usize(if streams.is_tame { head.len().div_ceil(4) } else { 1 }..=head.len());
    let mut parts = head.chunks(part).peekable();
    let first = parts.next().unwrap_or_default();
    let flags = if parts.peek().is_none() { END_HEADERS | END_STREAM } else { END_STREAM };
    sent.extend(frame(HEADERS, flags, stream, first));
    while let Some(part) = parts.next() {
        let last = parts.peek().is_none() && !streams.errs(random, 8);
        if streams.errs(random, 20) {
            sent.extend(control(random, streams));
        }
        let stream = if streams.errs(random, 20) { streams.any(random) } else { stream };
        sent.extend(frame(CONTINUATION, if last { END_HEADERS } else { 0 }, stream, part));
    }
}

/// Generates a SETTINGS frame with any settings. A tame sequence gets only valid ones.
pub(super) fn settings(random: &mut Rng, is_tame: bool) -> Vec<u8> {
    let mut payload = Vec::new();
    for _ in 0..random.usize(..4) {
        let values: &[u32] = match random.u8(..if is_tame { 6 } else { 8 }) {
            0 => &[0, 4, 0, 0, 0, 0],
            1 => &[0, 4, 0, 1, 65_535, 100_000],
            2 => &[0, 3, 0, 1, 100, u32::MAX],
            3 => &[0, 5, 16_384, 100_000, (1 << 24) - 1, 16_384],
            4 => &[0, 6, 0, 1, 16_384, u32::MAX],
            5 => &[0, 1, 0, 100, 4096, u32::MAX],
            6 => &[0, random.choice([2, 8, 9]).unwrap(), 0, 1, 2, u32::MAX],
            _ => &[0, random.choice([4, 5]).unwrap(), 1, 1 << 24, 1 << 31, u32::MAX],
        };
        payload.extend([0, values[1] as u8]);
        payload.extend(values[random.usize(2..values.len())].to_be_bytes());
    }
    if !is_tame && random.u8(..20) == 0 {
        payload.push(0);
    }
    let flags = if !is_tame && random.u8(..20) == 0 { ACK } else { 0 };
    frame(SETTINGS, flags, 0, &payload)
}

/// Generates a frame that carries no request.
fn control(random: &mut Rng, streams: &Streams) -> Vec<u8> {
    let stream = streams.any(random);
    let words = [1, 8, 65_535, 0, i32::MAX as u32, u32::MAX];
    let word = words[random.usize(..if streams.is_tame { 3 } else { 6 })].to_be_bytes();
    match random.u8(..if streams.is_tame { 6 } else { 10 }) {
        0 => frame(PING, random.u8(..2), 0, &[7; 8]),
        1 => frame(WINDOW_UPDATE, 0, stream, &word),
        2 => frame(WINDOW_UPDATE, 0, 0, &word),
        3 => {
            frame(PRIORITY, 0, stream, &[&stream.wrapping_add(2).to_be_bytes()[..], &[9]].concat())
        }
        4 => frame(RST_STREAM, 0, stream, &word),
        5 => frame(random.u8(10..), random.u8(..), stream, &bytes(random, 50)),
        6 => frame(GOAWAY, 0, 0, &[&stream.to_be_bytes()[..], &word, b"bye"].concat()),
        7 => frame(PUSH_PROMISE, END_HEADERS, stream, &[&word[..], GET].concat()),
        8 => frame(PING, random.u8(..2), 0, &bytes(random, 8)),
        _ => frame(DATA, 0, stream, &[]),
    }
}

/// Generates a frame whose declared length differs from that of its payload.
fn wrong_length(random: &mut Rng, streams: &Streams) -> Vec<u8> {
    let mut frame = frame(random.u8(..10), random.u8(..), streams.any(random), &bytes(random, 40));
    let length = match random.u8(..4) {
        0 => [0, 0, random.u8(..)],
        1 => [0, 0x40, 0],
        2 => [0, 0x40, 1],
        _ => [random.u8(..), random.u8(..), random.u8(..)],
    };
    frame[..3].copy_from_slice(&length);
    frame
}
