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

/// Returns the path of every file in the given folders of the workspace, from its root. Leaves out
/// hidden folders, `target` and `node_modules`.
pub(crate) fn files(folders: &[&str]) -> Vec<String> {
    let root = root();
    let mut files = Vec::new();
    for folder in folders {
        collect(&root.join(folder), &mut files);
    }
    files.sort();
    files.iter().map(|path| relative(path, &root)).collect()
}

/// Reads every Rust file of the workspace.
pub(crate) fn sources() -> Vec<Source> {
    let root = root();
    let files = files(&["api", "benches", "engine", "loadtest"]);
    let rust = files.into_iter().filter(|path| path.ends_with(".rs"));
    let read = |path: String| {
        let text = fs::read_to_string(root.join(&path)).expect("sources are UTF-8");
        Source { path, text }
    };
    let sources: Vec<_> = rust.map(read).collect();
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
        } else if path.is_file() {
            files.push(path);
        }
    }
}

fn relative(path: &Path, root: &Path) -> String {
    let path = path.strip_prefix(root).expect("collected below the root");
    path.components().map(|c| c.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
