//! Check that certain names are used in certain places only.

use crate::workspace::{Findings, Source, sources};

/// Names with fixed places: the text, the prefixes of paths in which it is allowed, and the advice
/// for other places.
const NAMES: &[Name] = &[
    Name {
        text: &["actix::"],
        outside: &["engine/src/actors/", "engine/src/registry/"],
        advice: "the actor crate stays behind the registry: ask through `Registry` or `Engine`",
    },
    Name {
        text: &["redis::"],
        // This file names the module `redis`, which is part of the stores.
        outside: &["engine/src/store/redis", "engine/src/store/mod.rs"],
        advice: "the driver stays behind `ports::Store`: move this into the adapter",
    },
    Name {
        text: &["rusqlite"],
        // Tests of a conversion need a file of an older layout, which the adapter no longer writes.
        outside: &["engine/src/store/sqlite", "engine/testkit/src/layouts.rs"],
        advice: "the driver stays behind `ports::Store`: move this into the adapter",
    },
    Name {
        text: &["actix_web"],
        outside: &["api/src/", "benches/"],
        advice: "HTTP is a thin face: only the crate `api` knows the web framework",
    },
    Name {
        text: &["SystemTime::now", "Instant::now", "Utc::now", "getrandom::"],
        // Measurements and the timer of a connection need a real clock.
        outside: &["engine/src/system.rs", "api/src/connection/", "benches/", "loadtest/"],
        advice: "take the time from `ports::Clock` and random bytes from `ports::Entropy`",
    },
];

struct Name {
    text: &'static [&'static str],
    outside: &'static [&'static str],
    advice: &'static str,
}

impl Name {
    /// Returns the text of this name that a line of code contains, if any.
    fn in_line(&self, line: &str) -> Option<&'static str> {
        self.text.iter().copied().find(|text| names(line, text))
    }

    /// Returns true if a source may contain the name. Tests may contain every name.
    fn has_place_in(&self, source: &Source) -> bool {
        source.is_test() || self.outside.iter().any(|place| source.path.starts_with(place))
    }
}

/// Returns true if `line` contains `text`, and not as the end of a longer name.
pub(crate) fn names(line: &str, text: &str) -> bool {
    line.match_indices(text).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

#[test]
fn things_are_named_only_where_they_belong() {
    let mut findings = Findings::default();
    for source in sources() {
        for name in NAMES {
            if name.has_place_in(&source) {
                continue;
            }
            for (number, line) in source.code() {
                if let Some(text) = name.in_line(line) {
                    let what = format!("`{text}` may not be named here: {}", name.advice);
                    findings.add(&source, number, &what);
                }
            }
        }
    }
    findings.assert_none();
}

#[test]
fn every_place_of_a_name_has_the_name() {
    let sources = sources();
    for name in NAMES {
        for place in name.outside {
            let there = sources.iter().filter(|s| s.path.starts_with(place) && !s.is_test());
            let is_needed = there.flat_map(Source::code).any(|(_, l)| name.in_line(l).is_some());
            assert!(is_needed, "{place} has none of {:?}: take it out of NAMES", name.text);
        }
    }
}

#[test]
fn names_are_found_as_whole_paths() {
    assert!(names("use actix::Addr;", "actix::"));
    assert!(names("    let a: actix::Addr<A>;", "actix::"));
    assert!(!names("use my_actix::Addr;", "actix::"));
    assert!(!names("use actix_web::App;", "actix::"));
    assert!(names("let now = std::time::SystemTime::now();", "SystemTime::now"));
}
