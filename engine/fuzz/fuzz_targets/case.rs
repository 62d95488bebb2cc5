//! Packed lifecycles, and the texts in them.

#![no_main]

use countersign_engine::store::properties;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    properties::case(bytes);
    properties::packed_text(bytes);
});
