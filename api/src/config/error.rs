//! Errors of a configuration. No text here has a configured value that could be a secret.

/// Error of a configuration with which the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A key or a variable that is not known.
    #[error("unknown {kind} {name}{}: the nearest known name is {nearest}", shown(place))]
    Unknown {
        /// `key` or `variable`.
        kind: &'static str,
        /// The unknown name.
        name: String,
        /// Place of the key in the file; `None` for a variable.
        place: Option<String>,
        /// The known name that is most similar.
        nearest: String,
    },
    /// A value that is not allowed.
    #[error("{key}{} {problem}: {allowed}", shown(place))]
    Value {
        /// Place of the key, such as `tenants[0].id`.
        key: String,
        /// Environment variable that set the key, or the key's place in the file; `None` if neither
        /// is known.
        place: Option<String>,
        /// The fault.
        problem: String,
        /// The allowed values.
        allowed: String,
    },
    /// A file or a variable that cannot be used.
    #[error("{0}")]
    Unusable(String),
}

fn shown(source: &Option<String>) -> String {
    source.as_ref().map_or_else(String::new, |source| format!(" ({source})"))
}

impl ConfigError {
    /// Creates the error of a refused value.
    pub(super) fn value(
        key: impl Into<String>,
        problem: impl Into<String>,
        allowed: impl Into<String>,
    ) -> Self {
        let (problem, allowed) = (problem.into(), allowed.into());
        Self::Value { key: key.into(), place: None, problem, allowed }
    }

    /// Adds the source of the refused key, which `find` returns, unless the error has a source
    /// already.
    pub(super) fn with_source(mut self, find: impl FnOnce(&str) -> Option<String>) -> Self {
        if let Self::Value { key, place: source @ None, .. }
        | Self::Unknown { name: key, place: source @ None, .. } = &mut self
        {
            *source = find(key);
        }
        self
    }

    /// Replaces the refused key by the variable that would set it, which `find` returns, if the key
    /// has no source.
    pub(super) fn named_by_variable(
        mut self,
        find: impl FnOnce(&str) -> Option<&'static str>,
    ) -> Self {
        if let Self::Value { key, place: None, .. } = &mut self
            && let Some(name) = find(key)
        {
            name.clone_into(key);
        }
        self
    }
}

pub(super) fn at_most(key: &str, count: usize, max: usize) -> Result<(), ConfigError> {
    if count <= max {
        return Ok(());
    }
    let allowed = format!("at most {max} are allowed");
    Err(ConfigError::value(key, format!("has {count} entries"), allowed))
}

/// Parses the entries of a list, at most `max`. An error of `read` is the entry's problem, and the
/// allowed form.
pub(super) fn entries<T, C: FromIterator<T>, P: Into<String>, A: Into<String>>(
    key: &str,
    written: &[String],
    max: usize,
    read: impl Fn(&str) -> Result<T, (P, A)>,
) -> Result<C, ConfigError> {
    at_most(key, written.len(), max)?;
    let read = |(i, text): (usize, &String)| {
        let refused =
            |(problem, allowed)| ConfigError::value(format!("{key}[{i}]"), problem, allowed);
        read(text).map_err(refused)
    };
    written.iter().enumerate().map(read).collect()
}
