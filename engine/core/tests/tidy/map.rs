//! Check that the files and folders exist that `ARCHITECTURE.md` names.

use crate::workspace::{files, root};

/// Returns the names between backticks that are paths: they end in `/`, or in an extension.
fn paths(text: &str) -> Vec<&str> {
    let is_path = |name: &&str| {
        let is_file = [".rs", ".js", ".toml", ".md"].iter().any(|end| name.ends_with(end));
        is_file || name.ends_with('/')
    };
    text.lines().flat_map(|line| line.split('`').skip(1).step_by(2)).filter(is_path).collect()
}

#[test]
fn the_map_names_files_and_folders_that_exist() {
    let map = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("the map is there");
    let files = files(&["api", "benches", "deploy", "engine", "loadtest"]);
    // The map names a file within its crate or folder, so the end of a path is enough.
    let exists = |name: &str| {
        let inner = format!("/{name}");
        let is_named = |path: &String| match name.strip_suffix('/') {
            Some(_) => path.starts_with(name) || path.contains(&inner),
            None => path == name || path.ends_with(&inner),
        };
        files.iter().any(is_named)
    };
    let named = paths(&map);
    assert!(named.len() > 100, "the names are found: {named:?}");
    let missing: Vec<_> = named.into_iter().filter(|name| !exists(name)).collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md names what does not exist: {missing:?}");
}
