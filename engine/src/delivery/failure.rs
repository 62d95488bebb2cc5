//! Reasons for a failed webhook call.

use std::error::Error;
use std::io;

use hyper_util::client::legacy;

use super::connecting::Slow;
use super::lookups::Unresolved;
use super::metered::TooLong;
use crate::ports::delivery::{DeliveryError, NotOffered};

/// Reason for a failed call. Its text reveals nothing about the network behind the host name, and
/// nothing of the response except its status.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    #[error("the webhook's host has no address that may be called (see webhook_allow_hosts)")]
    Blocked,
    #[error("the webhook's connection was lost")]
    Broken,
    #[error("too many webhooks are being called: this one had no turn in time")]
    Busy,
    #[error("the webhook could not be sent: {0}")]
    Internal(&'static str),
    #[error("the webhook answered with status {0}")]
    Status(u16),
    #[error("the webhook did not answer in time")]
    Timeout,
    #[error("no trusted TLS connection to the webhook's host can be made")]
    Tls,
    #[error("the webhook's answer is longer than an answer may be")]
    TooLong,
    #[error("the webhook's host cannot be reached")]
    Unreachable,
    #[error("the webhook's host name is not known")]
    Unresolvable,
    #[error("the challenge ended before the webhook was told of it")]
    Withdrawn,
}

impl From<Failure> for DeliveryError {
    fn from(failure: Failure) -> Self {
        Self { reason: failure.to_string(), passing: failure.is_passing() }
    }
}

impl Failure {
    /// Returns true if a repeated call may succeed, because this one was lost on its way, or at a
    /// gateway before the receiver (502 to 504).
    const fn is_passing(&self) -> bool {
        matches!(self, Self::Broken | Self::Unreachable | Self::Status(502..=504))
    }

    /// Returns the reason as a label of the metric.
    pub(super) const fn label(&self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Broken => "broken",
            Self::Busy => "busy",
            Self::Internal(_) => "internal",
            Self::Status(_) => "status",
            Self::Timeout => "timeout",
            Self::Tls => "tls",
            Self::TooLong => "too_long",
            Self::Unreachable => "unreachable",
            Self::Unresolvable => "unresolvable",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// Classifies an error of the HTTP client.
    pub(super) fn of(error: &legacy::Error) -> Self {
        let connecting = error.is_connect();
        let mut cause = error.source();
        while let Some(error) = cause {
            if let Some(unresolved) = error.downcast_ref() {
                return match unresolved {
                    Unresolved::Blocked => Self::Blocked,
                    Unresolved::Busy => Self::Busy,
                    Unresolved::Unknown => Self::Unresolvable,
                };
            }
            if error.is::<NotOffered>() {
                return Self::Withdrawn;
            }
            if error.is::<Slow>() {
                return Self::Timeout;
            }
            let http = error.downcast_ref::<hyper::Error>();
            if error.is::<TooLong>() || http.is_some_and(hyper::Error::is_parse_too_large) {
                return Self::TooLong;
            }
            // The TLS client reports its own errors, such as an untrusted certificate, as invalid
            // data.
            let io = error.downcast_ref::<io::Error>();
            if connecting && io.is_some_and(|io| io.kind() == io::ErrorKind::InvalidData) {
                return Self::Tls;
            }
            // The `source` of an I/O error skips the error that it wraps, so the wrapped error is
            // read by `get_ref`.
            let wrapped = io.and_then(io::Error::get_ref).map(|inner| inner as &dyn Error);
            cause = wrapped.or_else(|| error.source());
        }
        if connecting { Self::Unreachable } else { Self::Broken }
    }
}
