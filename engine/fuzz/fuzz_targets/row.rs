//! Bodies of stored rows.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| countersign_engine::store::properties::row(bytes));
