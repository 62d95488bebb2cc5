//! Errors of requests.

use std::error::Error;

/// Reason why a request has no usable response.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server refused the request.
    #[error("refused with status {status}, {code}: {description}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The contract's error code. Empty if the body has none.
        code: String,
        /// The server's description for people. It may contain any characters.
        description: String,
        /// The stable name of the cause. Empty if the body has none.
        reason: String,
        /// Seconds to wait before a retry, if the response has a `Retry-After` header.
        retry_after: Option<u64>,
    },
    /// The client could not reach the server, or the connection broke. The server may have carried
    /// out the request.
    #[error("no answer from the server: {}", chain(.0))]
    Transport(#[source] reqwest::Error),
    /// The response does not follow the contract.
    #[error("the server's answer is not understood: {0}")]
    Protocol(String),
    /// The input of the library's caller is not valid, so it cannot be sent.
    #[error("{0}")]
    Input(&'static str),
}

impl ClientError {
    /// Returns the contract's error code, if the server refused the request.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => Some(code),
            Self::Transport(_) | Self::Protocol(_) | Self::Input(_) => None,
        }
    }

    /// Returns the HTTP status, if the server refused the request.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            Self::Transport(_) | Self::Protocol(_) | Self::Input(_) => None,
        }
    }
}

impl From<reqwest::Error> for ClientError {
    /// Reduces the error's URL to the server's address, because the path and query may contain a
    /// public key, which finds a device's challenges.
    fn from(mut error: reqwest::Error) -> Self {
        if let Some(url) = error.url_mut() {
            url.set_path("");
            url.set_query(None);
            url.set_fragment(None);
        }
        Self::Transport(error)
    }
}

/// Joins the messages of an error and of all its causes, because the outermost message alone does
/// not say why the request failed.
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
