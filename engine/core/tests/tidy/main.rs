//! The rules of the house, checked over the source text of the whole workspace: the places of
//! names, and the length of files and lines. It reads text and compiles nothing, and repeats no
//! check of the compiler or of clippy.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

const FILE_LINES_MAX: usize = 500;
const LINE_COLUMNS_MAX: usize = 100;

/// Names with a fixed place: the text, the paths in which it may stand (prefixes), and the advice
/// for other places.
const NAMES: &[Name] = &[
    Name {
        text: &["actix::"],
        outside: &[
            "engine/src/actors/",
            "engine/src/registry/",
            "api/src/main.rs",
            "api/src/serve",
        ],
        advice: "the actor crate stays behind the registry: ask through `Registry` or `Engine`",
    },
    Name {
        text: &["redis::"],
        // The module of that name is named where it is part of the stores.
        outside: &["engine/src/store/redis", "engine/src/store/mod.rs"],
        advice: "the driver stays behind `ports::Store`: move this into the adapter",
    },
    Name {
        text: &["rusqlite"],
        outside: &["engine/src/store/sqlite"],
        advice: "the driver stays behind `ports::Store`: move this into the adapter",
    },
    Name {
        text: &["actix_web"],
        outside: &["api/src/", "api/tests/", "benches/"],
        advice: "HTTP is a thin face: only the crate `api` knows the web framework",
    },
    Name {
        text: &["SystemTime::now", "Instant::now", "Utc::now", "getrandom::"],
        // A measurement needs a real clock, and so do the timer of a connection and the software
        // device, which signs the time.
        outside: &[
            "engine/src/system.rs",
            "api/src/connection/",
            "api/client/",
            "benches/",
            "loadtest/",
        ],
        advice: "take the time from `ports::Clock` and random bytes from `ports::Entropy`",
    },
];

/// Crates that the core may not depend on: no runtime, clock, random source, format or I/O.
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

struct Name {
    text: &'static [&'static str],
    outside: &'static [&'static str],
    advice: &'static str,
}

/// One file of the workspace.
struct Source {
    /// From the root of the workspace, with `/` between the parts.
    path: String,
    text: String,
}

impl Source {
    /// Its lines by number, from 1.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// Its lines of code: comments name things freely.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.lines().filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    fn is_test(&self) -> bool {
        self.path.contains("/tests/") || self.path.ends_with("/tests.rs")
    }
}

/// Faults with their places; a test fails with all of them at once.
#[derive(Default)]
struct Findings(String);

impl Findings {
    fn add(&mut self, source: &Source, line: usize, what: &str) {
        let path = &source.path;
        writeln!(self.0, "{path}:{line}: {what}").expect("a string takes every text");
    }

    fn assert_none(self) {
        assert!(self.0.is_empty(), "\n{}", self.0);
    }
}

/// Cargo says at run time where the crate is; two folders up is the workspace.
fn root() -> PathBuf {
    let here = std::env::var("CARGO_MANIFEST_DIR");
    let here = here.map_or_else(|_| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    here.ancestors().nth(2).expect("the crate is at engine/core").to_path_buf()
}

/// Lists every Rust file of the workspace, except files that are built or installed.
fn sources() -> Vec<Source> {
    let root = root();
    let mut files = Vec::new();
    for member in ["api", "benches", "engine", "loadtest"] {
        collect(&root.join(member), &mut files);
    }
    files.sort();
    let read = |path: &PathBuf| Source {
        path: relative(path, &root),
        text: fs::read_to_string(path).expect("sources are UTF-8"),
    };
    let sources: Vec<_> = files.iter().map(read).collect();
    assert!(sources.iter().any(|s| s.path == "engine/core/src/lib.rs"), "the sources are found");
    sources
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the workspace can be read") {
        let path = entry.expect("a folder of the workspace can be read").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with('.') && !["target", "node_modules"].contains(&&*name)
        {
            collect(&path, files);
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
}

fn relative(path: &Path, root: &Path) -> String {
    let path = path.strip_prefix(root).expect("collected below the root");
    path.components().map(|c| c.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// Tells whether `text` stands in `line` as a path of its own and not as the end of a longer name.
fn names(line: &str, text: &str) -> bool {
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
            if source.is_test() || name.outside.iter().any(|p| source.path.starts_with(p)) {
                continue;
            }
            for (number, line) in source.code() {
                if let Some(text) = name.text.iter().find(|text| names(line, text)) {
                    let what = format!("`{text}` may not be named here: {}", name.advice);
                    findings.add(&source, number, &what);
                }
            }
        }
    }
    findings.assert_none();
}

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

#[test]
fn every_module_says_what_it_is_for() {
    let mut findings = Findings::default();
    for source in sources() {
        if !source.text.starts_with("//!") {
            findings.add(&source, 1, "start with `//!`: what it is for, and what it does not do");
        }
    }
    findings.assert_none();
}

#[test]
fn files_and_lines_stay_short() {
    let mut findings = Findings::default();
    for source in sources() {
        let lines = source.lines().count();
        if lines > FILE_LINES_MAX {
            let what = format!(
                "{lines} lines, at most {FILE_LINES_MAX}: split it by what changes together"
            );
            findings.add(&source, lines, &what);
        }
        for (number, line) in source.lines() {
            let columns = line.chars().count();
            if columns > LINE_COLUMNS_MAX {
                let what = format!("{columns} columns, at most {LINE_COLUMNS_MAX}: wrap it");
                findings.add(&source, number, &what);
            }
        }
    }
    findings.assert_none();
}

#[test]
fn nothing_is_left_to_be_done() {
    // In two parts, so that this file does not find itself.
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX")];
    let mut findings = Findings::default();
    for source in sources() {
        for (number, line) in source.lines() {
            if let Some(mark) = marks.iter().find(|mark| line.contains(**mark)) {
                let what = format!("`{mark}`: do it, or open an issue and say in words what holds");
                findings.add(&source, number, &what);
            }
        }
    }
    findings.assert_none();
}

#[test]
fn names_are_found_as_whole_paths() {
    assert!(names("use actix::Addr;", "actix::"));
    assert!(names("    let a: actix::Addr<A>;", "actix::"));
    assert!(!names("use my_actix::Addr;", "actix::"));
    assert!(!names("use actix_web::App;", "actix::"));
    assert!(names("let now = std::time::SystemTime::now();", "SystemTime::now"));
}
