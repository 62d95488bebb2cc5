//! Errors of the harness, and failures of the requests that it measures.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use countersign_client::ClientError;

/// Statuses of a refusal that an overloaded server, or a rate limit, may send.
const REFUSALS: [u16; 2] = [429, 503];

/// An error that ends a measurement, or the failure of one request in it.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A failed request: the server refused it, or no valid response came.
    #[error("{step}: {source}")]
    Request {
        /// The step that failed.
        step: &'static str,
        /// The client's error.
        source: ClientError,
    },
    /// The server's response lacks the effect of the step.
    #[error("{step}: {what}")]
    Unexpected {
        /// The step that failed.
        step: &'static str,
        /// A description of the missing effect.
        what: &'static str,
    },
    /// The measurement itself is impossible, or a value in it has an unexpected form.
    #[error("{0}")]
    Wrong(&'static str),
    /// The command line is invalid.
    #[error("{0}")]
    Input(String),
    /// A server did not start or does not respond as expected, a run was cut short, or the
    /// attackers failed.
    #[error("{0}")]
    Server(String),
    /// A report cannot be written to its file.
    #[error("{}: the report cannot be written: {why}", path.display())]
    Output {
        /// Path of the report's file.
        path: PathBuf,
        /// The reason. It also names the file in which the report was kept, if there is one.
        why: String,
    },
    /// A report cannot be read.
    #[error(transparent)]
    Report(#[from] crate::out::report::ReportError),
    /// An error of the operating system.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl LoadError {
    /// Returns a function that converts the client's error into the failure of this step.
    pub(crate) const fn at(step: &'static str) -> impl Fn(ClientError) -> Self {
        move |source| Self::Request { step, source }
    }

    /// Checks that a response has the effect of its step: `is_so` is the condition, and `what`
    /// describes the fault.
    pub(crate) fn check(is_so: bool, step: &'static str, what: &'static str) -> Result<(), Self> {
        if is_so { Ok(()) } else { Err(Self::Unexpected { step, what }) }
    }

    /// Returns the step that failed, or `"harness"` if the error belongs to no step.
    pub const fn step(&self) -> &'static str {
        if let Self::Request { step, .. } | Self::Unexpected { step, .. } = self {
            return step;
        }
        "harness"
    }

    /// Returns a text for the kind of failure. Failures of the same kind have the same text, so
    /// that they can be counted together.
    pub fn kind(&self) -> String {
        if let Self::Unexpected { what, .. } = self {
            return (*what).to_owned();
        }
        let Self::Request { source, .. } = self else { return self.to_string() };
        match source {
            ClientError::Refused { status, code, .. } => {
                format!("{status} {code}").trim_end().to_owned()
            }
            ClientError::Transport(error) => transport(error),
            ClientError::Protocol(_) => "not understood".to_owned(),
            ClientError::Input(_) => self.to_string(),
        }
    }

    /// Checks if the failure is a refusal that an overloaded server should send.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Request { source, .. } if is_refusal(source))
    }

    /// Checks if the request got no response.
    pub const fn is_transport(&self) -> bool {
        matches!(self, Self::Request { source: ClientError::Transport(_), .. })
    }
}

/// Checks if an error is a refusal that an overloaded server should send.
pub(crate) fn is_refusal(error: &ClientError) -> bool {
    error.status().is_some_and(|status| REFUSALS.contains(&status))
}

/// Describes a transport error without addresses and ports. With them, each failure would be
/// counted as a separate kind.
fn transport(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "timed out".to_owned();
    }
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<io::Error>() {
            return io.kind().to_string();
        }
        source = cause.source();
    }
    let what = if error.is_connect() { "no connection" } else { "connection broken" };
    what.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, code: &str) -> LoadError {
        let (code, description) = (code.to_owned(), "in words".to_owned());
        let source = ClientError::Refused {
            status,
            code,
            description,
            reason: String::new(),
            retry_after: None,
        };
        LoadError::Request { step: "track", source }
    }

    #[test]
    fn what_a_server_should_do_under_load_is_told_from_what_it_should_not() {
        for (status, expected) in
            [(429, true), (503, true), (400, false), (401, false), (500, false)]
        {
            assert_eq!(refused(status, "x").is_refusal(), expected, "{status}");
        }
        assert!(!LoadError::Wrong("x").is_refusal());
    }

    #[test]
    fn a_kind_says_in_which_way_and_not_in_which_words() {
        assert_eq!(refused(503, "temporarily_unavailable").kind(), "503 temporarily_unavailable");
        assert_eq!(refused(502, "").kind(), "502");
        let unexpected = LoadError::Unexpected { step: "read", what: "nothing is pending" };
        assert_eq!((unexpected.step(), &*unexpected.kind()), ("read", "nothing is pending"));
    }
}
