//! Errors of a request.

use std::error::Error;

/// Why a request has no answer that can be used.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server refused it.
    #[error("refused with status {status}, {code}: {description}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The contract's code; empty if the body has none.
        code: String,
        /// The server's text for people. It may hold any character.
        description: String,
        /// The stable name of the cause; empty if the body has none.
        reason: String,
        /// Seconds after which to try again, if the server says.
        retry_after: Option<u64>,
    },
    /// The server could not be reached, or the connection broke. The request may have been carried
    /// out.
    #[error("no answer from the server: {}", chain(.0))]
    Transport(#[source] reqwest::Error),
    /// The answer is not one of the contract.
    #[error("the server's answer is not understood: {0}")]
    Protocol(String),
    /// The caller's input cannot be sent.
    #[error("{0}")]
    Input(&'static str),
}

impl ClientError {
    /// The contract's code of a refusal.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => Some(code),
            Self::Transport(_) | Self::Protocol(_) | Self::Input(_) => None,
        }
    }

    /// The HTTP status of a refusal.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            Self::Transport(_) | Self::Protocol(_) | Self::Input(_) => None,
        }
    }
}

impl From<reqwest::Error> for ClientError {
    /// Leaves of the URL where the server is: the rest may hold a public key, by which a device's
    /// challenges are found.
    fn from(mut error: reqwest::Error) -> Self {
        if let Some(url) = error.url_mut() {
            url.set_path("");
            url.set_query(None);
            url.set_fragment(None);
        }
        Self::Transport(error)
    }
}

/// The error with its causes: the first says only that there was one.
fn chain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
