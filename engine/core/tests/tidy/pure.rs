//! Checks that the core uses no runtime, clock, random source, serialisation format or I/O.

use std::fs;

use crate::names::names;
use crate::workspace::{Findings, Source, root, sources};

/// Crates that the core must not depend on, because they bring a runtime, clock, random source,
/// serialisation format or I/O.
const NOT_IN_CORE: &[&str] = &[
    "tokio",
    "actix",
    "actix-web",
    "serde",
    "serde_json",
    "rmp-serde",
    "rand",
    "getrandom",
    "chrono",
];

#[test]
fn the_core_names_no_runtime_format_or_random_source() {
    let mut findings = Findings::default();
    let core = |s: &Source| s.path.starts_with("engine/core/src/");
    for source in sources().into_iter().filter(core) {
        for (number, line) in source.code() {
            for name in NOT_IN_CORE.iter().map(|name| name.replace('-', "_")) {
                if names(line, &format!("{name}::")) {
                    let what =
                        format!("the core is pure: `{name}` belongs outside, as an argument");
                    findings.add(&source, number, &what);
                }
            }
        }
    }
    findings.assert_none();
}

#[test]
fn the_core_depends_on_no_runtime_format_or_random_source() {
    let manifest = fs::read_to_string(root().join("engine/core/Cargo.toml")).expect("it is there");
    let dependencies = manifest.split_once("[dependencies]").expect("the core has dependencies").1;
    let dependencies = dependencies.split("\n[").next().unwrap_or_default();
    for line in dependencies.lines() {
        let name = line.split(['.', '=', ' ']).next().unwrap_or_default();
        assert!(
            !NOT_IN_CORE.contains(&name) && !line.contains("\"serde\""),
            "engine/core/Cargo.toml lists `{line}`: the core is pure, so give it what it needs \
             as an argument and put formats in `store/record` or `wire`"
        );
    }
}
