//! Fuzz target that reads random bytes as request bodies.

#![no_main]

#[path = "../src/properties.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| properties::body(bytes));
