//! P-256 signatures as `r` and `s`.

#![no_main]

#[expect(dead_code, reason = "each target has one property")]
#[path = "../src/properties.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| properties::p1363(bytes));
