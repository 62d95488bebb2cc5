//! Replays the stored corpus of the fuzz target. Inputs of at most 600 bytes are also replayed cut
//! off at each length, and with each byte changed.

#[path = "../fuzz/src/properties.rs"]
mod properties;

use std::fs;
use std::path::Path;

fn inputs() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/body");
    let entries = fs::read_dir(folder).expect("the corpus is committed");
    let paths = entries.map(|entry| entry.expect("the corpus can be read").path());
    paths.map(|path| fs::read(path).expect("the corpus can be read")).collect()
}

#[test]
fn bodies_keep_their_properties() {
    let inputs = inputs();
    assert!(inputs.len() >= 40, "{} inputs", inputs.len());
    inputs.iter().for_each(|input| properties::body(input));
}

#[test]
fn cut_and_changed_bodies_keep_them_too() {
    for input in inputs().iter().filter(|input| input.len() <= 600) {
        for length in 0..input.len() {
            properties::body(&input[..length]);
            for other in [b'"', b'\\', b'{', b'0', b'n', 0, 0xff] {
                let mut changed = input.clone();
                changed[length] = other;
                properties::body(&changed);
            }
        }
    }
}
