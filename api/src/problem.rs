//! Errors as the contract's JSON: the one place where a refusal becomes a status and a code.

use std::borrow::Cow;
use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT_ENCODING, ALLOW, HeaderName, HeaderValue, RETRY_AFTER};
use actix_web::{HttpResponse, ResponseError};
use countersign_core::id::{ChallengeId, InvalidId};
use countersign_core::refusal::Refusal;
use countersign_engine::{Error, Misbehaviour};
use countersign_wire::InvalidField;
use countersign_wire::error::{ErrorBody, ErrorCode};

/// Seconds after which a caller that was turned away may come again.
const RETRY_AFTER_SECONDS: u32 = 1;

/// An error as it is answered.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    code: ErrorCode,
    description: Cow<'static, str>,
    challenge: Option<ChallengeId>,
    retry_after_seconds: Option<u32>,
    /// A header that says what would be accepted.
    accepted: Option<Box<(HeaderName, HeaderValue)>>,
    close: bool,
}

impl Problem {
    fn new(status: StatusCode, code: ErrorCode, description: impl Into<Cow<'static, str>>) -> Self {
        let description = description.into();
        Self {
            status,
            code,
            description,
            challenge: None,
            retry_after_seconds: None,
            accepted: None,
            close: false,
        }
    }

    /// 400: a parameter or the body breaks a rule.
    pub fn invalid_request(description: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidRequest, description)
    }

    /// 400: the tenant is not set up for it.
    pub fn invalid_configuration(description: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidConfiguration, description)
    }

    /// 401: not a caller that is known.
    pub fn unauthorized(description: &'static str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, ErrorCode::Unauthorized, description)
    }

    /// 401: not a token that is valid here.
    pub fn invalid_token(description: &'static str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, ErrorCode::InvalidToken, description)
    }

    /// 401: the token's time is over.
    pub fn expired_token() -> Self {
        let text = "the token's lifetime is over";
        Self::new(StatusCode::UNAUTHORIZED, ErrorCode::ExpiredToken, text)
    }

    /// 403: a known caller that may not do this.
    pub fn forbidden(description: &'static str) -> Self {
        Self::new(StatusCode::FORBIDDEN, ErrorCode::Unauthorized, description)
    }

    /// 404: nothing is there.
    pub fn not_found(description: &'static str) -> Self {
        Self::new(StatusCode::NOT_FOUND, ErrorCode::InvalidRequest, description)
    }

    /// 405: the route has other methods, which `allow` names.
    pub fn method_not_allowed(allow: &str) -> Self {
        let text = "the route does not have this method";
        let problem = Self::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::InvalidRequest, text);
        let accepted = HeaderValue::try_from(allow).ok().map(|allow| Box::new((ALLOW, allow)));
        Self { accepted, ..problem }
    }

    /// 413: more than may be sent. The rest of the request is not read.
    pub fn too_large(bytes_max: usize) -> Self {
        let text = format!("the body is larger than {bytes_max} bytes");
        let code = ErrorCode::InvalidRequest;
        Self { close: true, ..Self::new(StatusCode::PAYLOAD_TOO_LARGE, code, text) }
    }

    /// 413: the head has more lines than are read.
    pub fn head_too_long() -> Self {
        let text = "the request's head is too long";
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::InvalidRequest, text)
    }

    /// 400: the body did not come in time. The rest of the request is not read.
    pub fn too_slow(seconds: u64) -> Self {
        let text = format!("the body was not complete after {seconds} seconds");
        Self { close: true, ..Self::invalid_request(text) }
    }

    /// 400: the body broke off, or is not framed as HTTP/1.1 has it. What follows is not read.
    pub fn incomplete() -> Self {
        Self { close: true, ..Self::invalid_request("the body is not complete") }
    }

    /// 415: not JSON.
    pub fn not_json() -> Self {
        let text = "the body must be application/json";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, ErrorCode::InvalidRequest, text)
    }

    /// 415: compressed, or otherwise encoded.
    pub fn encoded() -> Self {
        let text = "the body must not be compressed: send it without Content-Encoding";
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        let accepted = Some(Box::new((ACCEPT_ENCODING, HeaderValue::from_static("identity"))));
        Self { accepted, ..Self::new(status, ErrorCode::InvalidRequest, text) }
    }

    /// 503: more than can be taken.
    pub fn overloaded() -> Self {
        Self::unavailable("the server has too much to do")
    }

    /// 503: what was to be done broke off.
    pub fn lost() -> Self {
        Self::unavailable("the request was not answered")
    }

    fn unavailable(description: impl Into<Cow<'static, str>>) -> Self {
        let retry_after_seconds = Some(RETRY_AFTER_SECONDS);
        let unavailable = StatusCode::SERVICE_UNAVAILABLE;
        let problem = Self::new(unavailable, ErrorCode::TemporarilyUnavailable, description);
        Self { retry_after_seconds, ..problem }
    }

    /// An error of a request that a bearer token named the action of: where the action is gone, so
    /// is what the token stands for.
    pub fn of_token(error: Error) -> Self {
        if error == Error::Refused(Refusal::ActionUnknown) {
            return Self::invalid_token("what the token was made for is not there any more");
        }
        error.into()
    }

    /// What is wrong, for people.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The code.
    pub fn code(&self) -> &'static str {
        self.code.name()
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let text = refusal.to_string();
        match refusal {
            Refusal::ActionUnknown => Self::not_found("the action is not known"),
            Refusal::GrantOver => {
                Self::invalid_token("what the token was made for holds no longer")
            }
            Refusal::AddScopeMissing => {
                Self::new(StatusCode::FORBIDDEN, ErrorCode::Unauthorized, text)
            }
            Refusal::OpenChallenge(id) => {
                let problem = Self::new(StatusCode::CONFLICT, ErrorCode::InvalidRequest, text);
                Self { challenge: Some(id), ..problem }
            }
            Refusal::OpenChallengesMax { .. } => {
                let many = StatusCode::TOO_MANY_REQUESTS;
                let problem = Self::new(many, ErrorCode::TooManyRequests, text);
                Self { retry_after_seconds: Some(RETRY_AFTER_SECONDS), ..problem }
            }
            Refusal::TooManyNumbers { retry_after_ms, .. }
            | Refusal::TooManyPrompts { retry_after_ms, .. } => {
                let many = StatusCode::TOO_MANY_REQUESTS;
                let seconds = u32::try_from(retry_after_ms.div_ceil(1000)).unwrap_or(u32::MAX);
                let problem = Self::new(many, ErrorCode::TooManyRequests, text);
                Self { retry_after_seconds: Some(seconds), ..problem }
            }
            Refusal::ActionEnded
            | Refusal::AuthenticatorUnknown
            | Refusal::AuthenticatorsMax { .. }
            | Refusal::ChallengeEnded
            | Refusal::ChallengeHeld
            | Refusal::ChallengeUnknown
            | Refusal::DisplayTooLong { .. }
            | Refusal::DisplayUnsafe
            | Refusal::FormatFixed
            | Refusal::LastAuthenticator
            | Refusal::NoAuthenticator
            | Refusal::NotificationsMax { .. }
            | Refusal::NumberMissing
            | Refusal::NumberWrong { .. }
            | Refusal::ProofMissing
            | Refusal::SigningLowered
            | Refusal::StatementRequired
            | Refusal::UsersPerKeyMax { .. } => Self::invalid_request(text),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Delivery(reason) => Self::invalid_configuration(reason.to_string()),
            Error::Misbehaved(
                misbehaviour @ (Misbehaviour::InvalidSignature
                | Misbehaviour::OtherFormat(_)
                | Misbehaviour::OtherSigning
                | Misbehaviour::UnknownCredential
                | Misbehaviour::UnknownNonce),
            ) => {
                let text = misbehaviour.to_string();
                Self::new(StatusCode::UNAUTHORIZED, ErrorCode::InvalidCredential, text)
            }
            Error::Misbehaved(Misbehaviour::SessionMissing) => {
                Self::invalid_token("a device session is needed")
            }
            Error::Misbehaved(Misbehaviour::SessionOver) => {
                Self::invalid_token("the device session is over")
            }
            Error::Refused(refusal) => refusal.into(),
            Error::Unavailable(reason) => Self::unavailable(reason),
        }
    }
}

impl From<InvalidId> for Problem {
    fn from(invalid: InvalidId) -> Self {
        Self::invalid_request(invalid.to_string())
    }
}

impl From<InvalidField> for Problem {
    fn from(invalid: InvalidField) -> Self {
        Self::invalid_request(invalid.to_string())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status.as_u16(), self.code(), self.description)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        tracing::debug!(status = self.status.as_u16(), code = self.code(), "refused");
        let mut response = HttpResponse::build(self.status);
        if let Some(seconds) = self.retry_after_seconds {
            response.insert_header((RETRY_AFTER, seconds));
        }
        if let Some(accepted) = self.accepted.clone() {
            response.insert_header(*accepted);
        }
        if self.close {
            response.force_close();
        }
        let challenge_id = self.challenge.as_ref().map(ToString::to_string);
        let body = ErrorBody::new(self.code, self.description.clone());
        response.json(ErrorBody { challenge_id, ..body })
    }
}
