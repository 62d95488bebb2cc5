//! The parts of a statement, as they come in.

#![no_main]

#[expect(dead_code, reason = "each target has one property")]
#[path = "../src/properties.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| properties::statement(bytes));
