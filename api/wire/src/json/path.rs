//! Path of a value in a body, as error messages show it: `waits[0].token`.

use std::fmt;

use countersign_core::text;
use serde_path_to_error::{Path, Segment};

/// Longest key that a path shows, in bytes. A longer key is shown as `…`.
const KEY_BYTES_MAX: usize = 48;
/// Longest path, in bytes. A longer path ends in `...` after its last step that fits.
const PATH_BYTES_MAX: usize = 96;

/// One step of a path: from an object or a list to a value in it.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// A member of an object, by its key.
    Key(String),
    /// An element of a list, by its position, from 0.
    Index(usize),
}

/// Path of a value in a body. It does not repeat unsafe or long keys, because the caller chooses
/// the keys of free-form objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JsonPath(String);

impl JsonPath {
    /// Makes a path from steps. The first step is the outermost.
    pub(super) fn of<'a>(steps: impl IntoIterator<Item = &'a Step>) -> Self {
        steps.into_iter().fold(Self::default(), |path, step| match step {
            Step::Key(key) => path.key(key),
            Step::Index(index) => path.then(&format!("[{index}]")),
        })
    }

    /// Makes the path of the value at which the parser stopped.
    pub(super) fn at(parsed: &Path) -> Self {
        parsed.iter().fold(Self::default(), |path, segment| match segment {
            Segment::Map { key } => path.key(key),
            Segment::Seq { index } => path.then(&format!("[{index}]")),
            Segment::Enum { .. } | Segment::Unknown => path,
        })
    }

    /// Appends the key of a member to this path.
    pub(super) fn key(self, key: &str) -> Self {
        let is_shown = !key.is_empty() && key.len() <= KEY_BYTES_MAX && text::is_safe(key);
        let key = if is_shown { key } else { "…" };
        if self.0.is_empty() { self.then(key) } else { self.then(&format!(".{key}")) }
    }

    fn then(mut self, step: &str) -> Self {
        if self.0.ends_with("...") {
            return self;
        }
        let fits = self.0.len() + step.len() <= PATH_BYTES_MAX;
        self.0.push_str(if fits { step } else { "..." });
        self
    }
}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "the body" } else { &self.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(steps: &[Step]) -> String {
        JsonPath::of(steps).to_string()
    }

    fn key(text: impl Into<String>) -> Step {
        Step::Key(text.into())
    }

    #[test]
    fn a_path_reads_as_javascript_writes_it() {
        assert_eq!(shown(&[]), "the body");
        assert_eq!(shown(&[key("waits"), Step::Index(2), key("token")]), "waits[2].token");
        assert_eq!(shown(&[key("custom"), key("Größe")]), "custom.Größe");
    }

    #[test]
    fn keys_that_hide_reorder_or_fill_pages_are_not_repeated() {
        for bad in ["".to_owned(), "a\nb".to_owned(), "a\u{202e}b".to_owned(), "x".repeat(49)] {
            assert_eq!(shown(&[key("custom"), key(bad), key("b")]), "custom.….b");
        }
        let deep: Vec<_> = (0..128).map(|_| key("x".repeat(20))).collect();
        let deep = shown(&deep);
        assert!(deep.len() <= PATH_BYTES_MAX + 3 && deep.ends_with("..."), "{deep}");
    }
}
