//! Error codes of the contract.

/// An error code of the contract that this server sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// The tenant or the secret is wrong, or the caller lacks a right.
    Unauthorized,
    /// The bearer token has expired.
    ExpiredToken,
    /// The bearer token is missing, or is not valid for this call.
    InvalidToken,
    /// A parameter or the body of the request is not valid.
    InvalidRequest,
    /// The tenant's configuration does not support the request.
    InvalidConfiguration,
    /// The device's key is not enrolled, or its signature does not verify.
    InvalidCredential,
    /// The caller has reached a rate limit or a quota.
    TooManyRequests,
    /// The server is overloaded or cannot reach the store. The same request may succeed later.
    TemporarilyUnavailable,
}

impl ErrorCode {
    /// Returns the code's name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::ExpiredToken => "expired_token",
            Self::InvalidToken => "invalid_token",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidConfiguration => "invalid_configuration",
            Self::InvalidCredential => "invalid_credential",
            Self::TooManyRequests => "too_many_requests",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
        }
    }
}
