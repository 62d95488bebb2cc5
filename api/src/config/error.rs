//! Why a configuration is refused. No text here ever holds a configured value that could be a
//! secret.

/// A configuration that the server does not start with.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A key or variable that means nothing.
    #[error("unknown {kind} {name}{}: the nearest known name is {nearest}", shown(place))]
    Unknown {
        /// `key` or `variable`.
        kind: &'static str,
        /// Its name.
        name: String,
        /// The place in the file where it stands, if it does.
        place: Option<String>,
        /// The known name that looks most like it.
        nearest: String,
    },
    /// A value that is not allowed.
    #[error("{key}{} {problem}: {allowed}", shown(place))]
    Value {
        /// Place of the key, such as `tenants[0].id`.
        key: String,
        /// The environment variable that set it, or else the place in the file where it stands.
        place: Option<String>,
        /// The fault.
        problem: String,
        /// The allowed values.
        allowed: String,
    },
    /// A file that cannot be read, or a variable that cannot be used.
    #[error("{0}")]
    Unusable(String),
}

fn shown(source: &Option<String>) -> String {
    source.as_ref().map_or_else(String::new, |source| format!(" ({source})"))
}

impl ConfigError {
    /// A refused value.
    pub(super) fn value(
        key: impl Into<String>,
        problem: impl Into<String>,
        allowed: impl Into<String>,
    ) -> Self {
        let (problem, allowed) = (problem.into(), allowed.into());
        Self::Value { key: key.into(), place: None, problem, allowed }
    }

    /// Adds where the refused key was set, by `find`, if that is not known yet.
    pub(super) fn with_source(mut self, find: impl FnOnce(&str) -> Option<String>) -> Self {
        if let Self::Value { key, place: source @ None, .. }
        | Self::Unknown { name: key, place: source @ None, .. } = &mut self
        {
            *source = find(key);
        }
        self
    }

    /// Names a refused key that nothing has set by the variable that would set it, by `find`.
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

/// Reads the entries of a list, at most `max`. The error of `read` is the problem of an entry, and
/// what is allowed.
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
