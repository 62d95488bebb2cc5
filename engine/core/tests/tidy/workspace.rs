//! Sources of the workspace, and faults that the checks find in them.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// A Rust file of the workspace.
pub(crate) struct Source {
    /// Path from the root of the workspace, with `/` between its parts.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Source {
    /// Returns the file's lines with their numbers, from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// Returns the lines that do not begin with a comment, because comments may contain every name.
    pub(crate) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.lines().filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    pub(crate) fn is_test(&self) -> bool {
        self.path.contains("/tests/") || self.path.ends_with("/tests.rs")
    }
}

/// Faults with their places. A test collects all of them before it fails.
#[derive(Default)]
pub(crate) struct Findings(String);

impl Findings {
    pub(crate) fn add(&mut self, source: &Source, line: usize, what: &str) {
        let path = &source.path;
        writeln!(self.0, "{path}:{line}: {what}").expect("a string takes every text");
    }

    pub(crate) fn assert_none(self) {
        assert!(self.0.is_empty(), "\n{}", self.0);
    }
}

/// Returns the root of the workspace, which is two folders above this crate. At run time Cargo sets
/// the crate's folder in an environment variable.
pub(crate) fn root() -> PathBuf {
    let here = std::env::var("CARGO_MANIFEST_DIR");
    let here = here.map_or_else(|_| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    here.ancestors().nth(2).expect("the crate is at engine/core").to_path_buf()
}

/// Reads every Rust file of the workspace, except files in hidden folders, `target` and
/// `node_modules`.
pub(crate) fn sources() -> Vec<Source> {
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
