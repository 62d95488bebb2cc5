//! Why a measurement has no result.

use countersign_client::ClientError;

/// Why a measurement has no result.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A request was not answered as it should be.
    #[error("{step}: {source}")]
    Request {
        /// What was asked for.
        step: &'static str,
        /// What came instead.
        source: ClientError,
    },
    /// The server answered, but not with what the step has to bring about.
    #[error("{0}")]
    Wrong(&'static str),
    /// The process may not open enough connections.
    #[error(
        "{needed} descriptors are needed and the process may have {allowed}: raise the hard limit \
         (`ulimit -Hn`) or ask for less"
    )]
    Descriptors {
        /// How many it takes.
        needed: u64,
        /// How many are allowed.
        allowed: u64,
    },
    /// The server could not be started.
    #[error("the server did not start: {0}")]
    Server(String),
    /// A report cannot be used.
    #[error(transparent)]
    Report(#[from] crate::report::ReportError),
    /// The operating system refused.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl LoadError {
    /// Names the step that a request was for.
    pub(crate) const fn at(step: &'static str) -> impl Fn(ClientError) -> Self {
        move |source| Self::Request { step, source }
    }
}
