//! Stored sequences that once harmed the server, or could have. A test replays each.

use countersign_testkit::http2::*;

use crate::generator::{End, Plan, plan};

/// Seeds of generated sequences that failed a run.
const SEEDS: &[u64] = &[];

/// Lists all stored sequences with their names.
pub(crate) fn kept() -> Vec<(String, Plan)> {
    let seeds = SEEDS.iter().map(|seed| (format!("seed {seed}"), plan(*seed)));
    let own = broken_bodies().into_iter().map(|(name, plan)| (name.to_owned(), plan));
    own.chain(seeds).collect()
}

/// Makes requests with broken bodies. Each of them once kept a worker busy for ever and consumed
/// 500 MB of memory a second.
fn broken_bodies() -> Vec<(&'static str, Plan)> {
    let head = |more: &[u8]| frame(HEADERS, END_HEADERS, 1, &[&post("/"), more].concat());
    let body = b"0123456789abc";
    let unfinished = [head(&[]), frame(DATA, 0, 1, body)];
    let lost = |end| Plan { end, ..Plan::of(&unfinished) };
    let longer = [head(&content_length("5")), frame(DATA, END_STREAM, 1, body)];
    let shorter = [head(&content_length("50")), frame(DATA, END_STREAM, 1, body)];
    let trailers = frame(HEADERS, END_HEADERS, 1, &[0, 1, b'a', 1, b'v']);
    let reset = |code: &[u8]| Plan::of(&[head(&[]), frame(RST_STREAM, 0, 1, code)]);
    let upload = [head(&content_length("9000")), frame(DATA, 0, 1, &[b' '; 8000])];
    let broken_off = [&upload[..], &[frame(RST_STREAM, 0, 1, &CANCEL)]].concat();
    vec![
        ("a body longer than its length", Plan::of(&longer)),
        ("a body shorter than its length", Plan::of(&shorter)),
        ("trailers that do not end", Plan::of(&[head(&[]), trailers])),
        ("a reset behind a head", reset(&CANCEL)),
        ("a reset without an error behind a head", reset(&NO_ERROR)),
        ("an upload that is broken off", Plan::of(&broken_off)),
        ("a connection that closes within a body", lost(End::Closed)),
        ("a connection that is reset within a body", lost(End::Reset)),
        ("a connection that half-closes within a body", lost(End::Half)),
    ]
}
