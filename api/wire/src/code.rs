//! The contract's error codes.

/// The contract's error codes that this server sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// Wrong tenant or secret, or a right is missing.
    Unauthorized,
    /// The bearer token's lifetime is over.
    ExpiredToken,
    /// The bearer token is missing, or not one that serves here.
    InvalidToken,
    /// A parameter or the body breaks a rule.
    InvalidRequest,
    /// The tenant is not set up for this.
    InvalidConfiguration,
    /// The device's key is not enrolled, or its signature does not verify.
    InvalidCredential,
    /// A limit of rate or number is reached.
    TooManyRequests,
    /// Overload, or the store cannot be reached: the same request may succeed later.
    TemporarilyUnavailable,
}

impl ErrorCode {
    /// The name on the wire.
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
