//! Generator of header blocks: valid ones, and ones that HPACK or HTTP/2 forbids.

use countersign_testkit::http2::{GET, content_length, post};
use fastrand::Rng;

const PATHS: [&str; 6] = [
    "/",
    "/v1/client/wait/push",
    "/v1/client/challenge/push",
    "/v1/device/user-authenticators/push",
    "/v1/users/u-1/actions/a",
    "/metrics",
];

/// Encodes a literal header without indexing.
fn literal(name: &str, value: &[u8]) -> Vec<u8> {
    [&[0, name.len() as u8], name.as_bytes(), &[value.len() as u8], value].concat()
}

/// Generates the head of a request with a body of `bytes` bytes. Its length header may be right,
/// wrong, malformed or absent.
pub(super) fn with_body(random: &mut Rng, bytes: usize) -> Vec<u8> {
    let mut head = post(random.choice(PATHS).unwrap());
    match random.u8(..8) {
        0..3 => head.extend(content_length(&bytes.to_string())),
        3 => head.extend(content_length(&bytes.saturating_sub(1).to_string())),
        4 => head.extend(content_length(&(bytes + random.usize(1..100_000)).to_string())),
        5 => {
            let other =
                *random.choice(&["-1", "x", "", "18446744073709551616", "+1", "1, 2"]).unwrap();
            head.extend(content_length(other));
        }
        _ => {}
    }
    if random.bool() {
        head.extend(literal("content-type", b"application/json"));
    }
    head
}

/// Generates a valid head.
pub(super) fn sound(random: &mut Rng) -> Vec<u8> {
    let mut head = if random.bool() { GET.to_vec() } else { post(random.choice(PATHS).unwrap()) };
    for _ in 0..random.usize(..4) {
        let long = random.usize(1..120);
        head.extend(match random.u8(..5) {
            0 => [&[0x40, 1, b'a', long as u8], &vec![b'v'; long][..]].concat(),
            1 => [&[0x10, 1, b'a', long as u8], &vec![b'v'; long][..]].concat(),
            2 => literal("host", random.choice([b"x", b"y"]).unwrap()),
            3 => literal(random.choice(["expect", "prefer", "cookie"]).unwrap(), b"100-continue"),
            _ => literal("te", b"trailers"),
        });
    }
    head
}

/// Generates any head, valid or not.
pub(super) fn any(random: &mut Rng) -> Vec<u8> {
    let mut head = match random.u8(..8) {
        0..4 => GET.to_vec(),
        4 | 5 => post(random.choice(PATHS).unwrap()),
        // A method without a path, and a path without a method.
        6 => [&[0x02, 7], &b"CONNECT"[..], &[0x41, 1, b'x']].concat(),
        _ => vec![0x84],
    };
    for _ in 0..random.usize(..4) {
        let more = header(random);
        head.extend(more);
    }
    head
}

fn header(random: &mut Rng) -> Vec<u8> {
    let long = random.usize(1..120);
    match random.u8(..18) {
        // An index into the static table, an index into the empty dynamic table, and the invalid
        // index zero.
        0 => vec![0x80 | random.u8(1..62)],
        1 => vec![0x80 | random.u8(62..127)],
        2 => vec![0x80],
        // An integer without an end, and an integer that is too large.
        3 => vec![0xff; random.usize(1..12)],
        4 => vec![0xff, 0xff, 0xff, 0xff, 0xff, 0x0f],
        // A change of the dynamic table's size.
        5 => vec![0x20 | random.u8(..32), random.u8(..)],
        // Literals: with indexing, never indexed, shorter than declared, and with an invalid
        // Huffman code.
        6 => [&[0x40, 1, b'a', long as u8], &vec![b'v'; long][..]].concat(),
        7 => [&[0x10, 1, b'a', long as u8], &vec![random.u8(..); long][..]].concat(),
        8 => vec![0, 127, random.u8(..), b'a'],
        9 => [&[0, 1, b'a', 0x80 | long as u8], &vec![random.u8(..); long][..]].concat(),
        10 => {
            literal(random.choice(["A", "", " a", "a\0", ":a", ":path", ":status"]).unwrap(), b"/")
        }
        11 => literal(random.choice(["connection", "te", "upgrade", "keep-alive"]).unwrap(), b"x"),
        12 => literal("transfer-encoding", b"chunked"),
        13 => literal("host", &[random.u8(..)]),
        14 => literal(random.choice(["expect", "prefer", "cookie"]).unwrap(), b"100-continue"),
        15 => literal("a", b"\r\nb: c\0"),
        16 => [0x82].repeat(random.usize(1..300)),
        _ => (0..long).map(|_| random.u8(..)).collect(),
    }
}
