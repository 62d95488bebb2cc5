//! Why a configuration is refused. No text here ever holds a configured value that could be a
//! secret.

use std::path::PathBuf;

/// A configuration that the server does not start with.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The file is too large to be a configuration.
    #[error("{} is longer than {max} bytes", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The limit, in bytes.
        max: u64,
    },
    /// The file is not TOML.
    #[error("{}, line {line}: not TOML: {problem}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The parser's expectation. It never quotes the line.
        problem: String,
    },
    /// A key or variable that means nothing.
    #[error(
        "unknown {kind} {name}{}: the nearest known name is {nearest}",
        source_of(None, place.as_deref())
    )]
    Unknown {
        /// `key` or `variable`.
        kind: &'static str,
        /// Its name.
        name: String,
        /// The place in the file where it stands, if it does.
        place: Option<Box<FileLine>>,
        /// The known name that looks most like it.
        nearest: String,
    },
    /// A value that is not allowed.
    #[error("{key}{} {problem}: {allowed}", source_of(variable.as_deref(), place.as_deref()))]
    Value {
        /// Place of the key, such as `tenants[0].id`.
        key: String,
        /// The environment variable that set it, if one did.
        variable: Option<String>,
        /// The place in the file where it stands, if no variable set it.
        place: Option<Box<FileLine>>,
        /// The fault.
        problem: String,
        /// The allowed values.
        allowed: String,
    },
    /// Two variables that set one key.
    #[error("{first} and {second} both set {key}: keep one")]
    Twice {
        /// The key.
        key: String,
        /// One variable.
        first: String,
        /// The other.
        second: String,
    },
    /// A variable for one tenant beside tenants of the file.
    #[error("{variable} is for one tenant without [[tenants]] in the file: use {use_this}")]
    TenantTwice {
        /// The variable.
        variable: String,
        /// The one that changes the first tenant of the file.
        use_this: String,
    },
    /// A variable that is not UTF-8.
    #[error("the variable {0} is not UTF-8: write it as UTF-8 text")]
    NotUtf8(String),
}

/// A line of the configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileLine {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1.
    pub line: usize,
}

fn source_of(variable: Option<&str>, place: Option<&FileLine>) -> String {
    match (variable, place) {
        (Some(variable), _) => format!(" (from {variable})"),
        (None, Some(FileLine { path, line })) => format!(" (in {}, line {line})", path.display()),
        (None, None) => String::new(),
    }
}

impl ConfigError {
    /// A refused value.
    pub(super) fn value(
        key: impl Into<String>,
        problem: impl Into<String>,
        allowed: impl Into<String>,
    ) -> Self {
        let (problem, allowed) = (problem.into(), allowed.into());
        Self::Value { key: key.into(), variable: None, place: None, problem, allowed }
    }

    /// Adds the place in the file of a refused key that no variable set, by `find`.
    pub(super) fn with_place(mut self, find: impl FnOnce(&str) -> Option<FileLine>) -> Self {
        if let Self::Value { key, variable: None, place, .. }
        | Self::Unknown { kind: "key", name: key, place, .. } = &mut self
        {
            *place = find(key).map(Box::new);
        }
        self
    }

    /// Names a refused key that no variable set by the variable that would set it, by `find`.
    pub(super) fn named_by_variable(
        mut self,
        find: impl FnOnce(&str) -> Option<&'static str>,
    ) -> Self {
        if let Self::Value { key, variable: None, .. } = &mut self
            && let Some(name) = find(key)
        {
            name.clone_into(key);
        }
        self
    }

    /// Adds the variable that set the refused key, by `find`.
    pub(super) fn with_variable(mut self, find: impl FnOnce(&str) -> Option<String>) -> Self {
        if let Self::Value { key, variable, .. } = &mut self
            && variable.is_none()
        {
            *variable = find(key);
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
