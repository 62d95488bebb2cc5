//! Generator of frame sequences. Each sequence is a pure function of its seed.

mod frames;
mod heads;

use countersign_testkit::http2::{PING, PREFACE, frame};
use fastrand::Rng;

/// Payload of the PING that follows a sequence.
pub(crate) const MARK: &[u8; 8] = b"the end!";

/// Moment and manner in which a client ends its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Closes after it has read everything.
    Answered,
    /// Closes its sending half first, and then reads on.
    Half,
    /// Closes at once.
    Closed,
    /// Resets the connection at once.
    Reset,
}

/// All that a client sends on one connection, and how the connection ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) to_operators: bool,
    /// Last byte of the client's IP address.
    pub(crate) from: u8,
    pub(crate) pieces: Vec<Vec<u8>>,
    pub(crate) end: End,
}

impl Plan {
    /// Makes a plan that sends a preface and these frames in one piece, and reads to the end.
    pub(crate) fn of(frames: &[Vec<u8>]) -> Self {
        let settings = frame(countersign_testkit::http2::SETTINGS, 0, 0, &[]);
        let bytes = [PREFACE, &settings, &frames.concat(), &frame(PING, 0, 0, MARK)].concat();
        Self { to_operators: false, from: 1, pieces: vec![bytes], end: End::Answered }
    }
}

/// Generates the plan of a seed.
pub(crate) fn plan(seed: u64) -> Plan {
    let mut random = Rng::with_seed(seed);
    let to_operators = random.u8(..3) == 0;
    let from = random.u8(1..=250);
    // Most errors end a connection. Only sequences without them exercise the server for long.
    let is_tame = random.u8(..10) < 7;
    let mut bytes = if is_tame { PREFACE.to_vec() } else { begin(&mut random) };
    let mut streams = frames::Streams::new(is_tame);
    if is_tame || random.u8(..20) > 0 {
        bytes.extend(frames::settings(&mut random, is_tame));
    }
    for _ in 0..random.usize(1..=8) {
        frames::sequence(&mut random, &mut streams, &mut bytes);
    }
    bytes.extend(frame(PING, 0, 0, MARK));
    if !is_tame && random.u8(..4) == 0 {
        damage(&mut random, &mut bytes);
    }
    let end = match random.u8(..10) {
        0 => End::Half,
        1 | 2 => End::Closed,
        3 | 4 => End::Reset,
        _ => End::Answered,
    };
    Plan { to_operators, from, pieces: cut(&mut random, &bytes), end }
}

/// Generates the preface of HTTP/2. It is usually valid.
fn begin(random: &mut Rng) -> Vec<u8> {
    match random.u8(..30) {
        0 => PREFACE[..random.usize(..PREFACE.len())].to_vec(),
        1 => b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\r".to_vec(),
        2 => [PREFACE, PREFACE].concat(),
        3 => b"PRI * HTTP/2.0\r\nHost: x\r\n\r\n".to_vec(),
        _ => PREFACE.to_vec(),
    }
}

/// Changes one to three bytes at random positions.
fn damage(random: &mut Rng, bytes: &mut Vec<u8>) {
    for _ in 0..random.usize(1..=3) {
        let at = random.usize(..bytes.len());
        match random.u8(..4) {
            0 => bytes[at] = random.u8(..),
            1 => bytes[at] ^= 1 << random.u8(..8),
            2 => bytes.insert(at, random.u8(..)),
            _ => bytes.truncate(at.max(1)),
        }
    }
}

/// Cuts the bytes into at most four pieces.
fn cut(random: &mut Rng, bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut ends = (0..random.usize(..4)).map(|_| random.usize(..=bytes.len())).collect::<Vec<_>>();
    ends.push(bytes.len());
    ends.sort_unstable();
    let mut from = 0;
    let pieces = ends.into_iter().map(|end| {
        let piece = bytes[from..end].to_vec();
        from = end;
        piece
    });
    pieces.filter(|piece| !piece.is_empty()).collect()
}
