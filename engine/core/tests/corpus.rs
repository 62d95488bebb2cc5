//! Replay of the fuzz targets' committed corpora.

#[path = "../fuzz/src/properties.rs"]
mod properties;

use std::fs;
use std::path::Path;

fn replay(target: &str, property: fn(&[u8]), inputs_min: usize) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut inputs = 0;
    for entry in fs::read_dir(folder).expect("the corpus is committed") {
        let path = entry.expect("the corpus can be read").path();
        property(&fs::read(&path).expect("the corpus can be read"));
        inputs += 1;
    }
    assert!(inputs >= inputs_min, "{target}: {inputs} inputs");
}

#[test]
fn keys_keep_their_properties() {
    replay("key", properties::key, 16);
}

#[test]
fn der_signatures_keep_their_properties() {
    replay("der", properties::der, 13);
}

#[test]
fn statements_keep_their_properties() {
    replay("statement", properties::statement, 14);
}

#[test]
fn texts_that_are_shown_keep_their_properties() {
    replay("display", properties::display, 12);
}

#[test]
fn p1363_signatures_keep_their_properties() {
    replay("p1363", properties::p1363, 10);
}
