//! Line numbers of a configuration file, so that an error names the line of a refused key.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

/// Line numbers of every key and section of a file.
pub(super) struct Lines {
    path: PathBuf,
    of_keys: BTreeMap<String, usize>,
}

impl Lines {
    /// Finds the line of each key in a text, which must be valid TOML.
    pub(super) fn of(path: &Path, text: &str) -> Self {
        let mut lines = Self { path: path.to_owned(), of_keys: BTreeMap::new() };
        if let Ok(table) = DeTable::parse(text) {
            let ends: Vec<_> = text.match_indices('\n').map(|(at, _)| at).collect();
            lines.add_table(table.get_ref(), "", &|at| line_of(&ends, at));
        }
        lines
    }

    fn add_table(&mut self, table: &DeTable<'_>, path: &str, line: &impl Fn(usize) -> usize) {
        for (name, value) in table.iter() {
            // Keys are escaped as in error messages, so that a lookup finds them.
            let key = name.get_ref().escape_debug();
            let key = if path.is_empty() { key.to_string() } else { format!("{path}.{key}") };
            self.of_keys.insert(key.clone(), line(name.span().start));
            self.add_value(value.get_ref(), &key, line);
        }
    }

    fn add_value(&mut self, value: &DeValue<'_>, key: &str, line: &impl Fn(usize) -> usize) {
        if let Some(table) = value.as_table() {
            self.add_table(table, key, line);
        }
        for (i, entry) in value.as_array().into_iter().flat_map(|array| array.iter()).enumerate() {
            let key = format!("{key}[{i}]");
            self.of_keys.insert(key.clone(), line(entry.span().start));
            self.add_value(entry.get_ref(), &key, line);
        }
    }

    /// Describes the place of a key. If the file does not have the key, the place is that of its
    /// section.
    pub(super) fn place(&self, key: &str) -> Option<String> {
        let mut key = key;
        loop {
            if let Some(line) = self.of_keys.get(key) {
                return Some(format!("in {}, line {line}", self.path.display()));
            }
            key = &key[..key.rfind(['.', '['])?];
        }
    }
}

/// Returns the line of a byte position. The first line is 1.
fn line_of(ends: &[usize], at: usize) -> usize {
    1 + ends.partition_point(|end| *end < at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_and_entry_has_its_line_and_an_absent_key_that_of_its_section() {
        let text = "top = 1\n[server]\n\nworkers = 2\n[[tenants]]\nid = 'a'\nsecret_keys = [\n \
                    'x',\n 'y',\n]\n[[tenants]]\nid = 'b'\npush.number_match = 2\n\
                    [tenants.brand]\n\"a\\nb\" = 1\n";
        let lines = Lines::of(Path::new("a.toml"), text);
        for (key, line) in [
            ("top", 1),
            ("server.workers", 4),
            ("server.listen", 2),
            ("tenants[0].id", 6),
            ("tenants[0].secret_keys", 7),
            ("tenants[0].secret_keys[1]", 9),
            ("tenants[0].push.unenrolled", 5),
            ("tenants[1].id", 12),
            ("tenants[1].push.number_match", 13),
            ("tenants[1].brand.a\\nb", 15),
        ] {
            assert_eq!(lines.place(key), Some(format!("in a.toml, line {line}")), "{key}");
        }
        assert!(lines.place("store.url").is_none());
    }
}
