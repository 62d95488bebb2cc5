//! Errors as JSON responses. Every refusal becomes a response here. Its status and its code follow
//! from its reason.

mod causes;

use std::borrow::Cow;
use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT_ENCODING, ALLOW, HeaderName, HeaderValue, RETRY_AFTER};
use actix_web::{HttpResponse, ResponseError};
use countersign_core::id::ChallengeId;
use countersign_core::refusal::Refusal;
use countersign_engine::Error;
use countersign_wire::error::ErrorBody;
use countersign_wire::reason::Reason;

/// Seconds after which a caller that was turned away, or a poll without a place, may come again.
pub const RETRY_AFTER_SECONDS: u32 = 1;

/// An error that becomes a response.
#[derive(Debug)]
pub struct Problem {
    reason: Reason,
    description: Cow<'static, str>,
    challenge: Option<ChallengeId>,
    retry_after_seconds: Option<u32>,
    /// Header that lists the accepted values, such as `Allow`.
    accepted: Option<Box<(HeaderName, HeaderValue)>>,
    close: bool,
}

impl Problem {
    /// Creates a refusal with a reason and a text for people. A 429 or 503 gets `Retry-After`: one
    /// second, unless the caller sets another time.
    pub fn new(reason: Reason, description: impl Into<Cow<'static, str>>) -> Self {
        let is_passing = matches!(reason.status(), 429 | 503);
        let retry_after_seconds = is_passing.then_some(RETRY_AFTER_SECONDS);
        let description = description.into();
        Self {
            reason,
            description,
            challenge: None,
            retry_after_seconds,
            accepted: None,
            close: false,
        }
    }

    /// 401: the token has expired.
    pub fn expired_token() -> Self {
        Self::new(Reason::TokenExpired, "the token's lifetime is over")
    }

    /// 404: no route has the path.
    pub fn no_route() -> Self {
        Self::new(Reason::RouteNotFound, "there is no such route")
    }

    /// 405: the route does not have the request's method. `allow` lists the methods that it has.
    pub fn method_not_allowed(allow: &str) -> Self {
        let text = "the route does not have this method";
        let problem = Self::new(Reason::MethodNotAllowed, text);
        let accepted = HeaderValue::try_from(allow).ok().map(|allow| Box::new((ALLOW, allow)));
        Self { accepted, ..problem }
    }

    /// 413: the body exceeds the limit. The server reads no more of the request, and closes the
    /// connection.
    pub fn too_large(bytes_max: usize) -> Self {
        let text = format!("the body is larger than {bytes_max} bytes");
        Self { close: true, ..Self::new(Reason::BodyTooLarge, text) }
    }

    /// 413: the head has too many headers.
    pub fn head_too_long() -> Self {
        Self::new(Reason::HeadTooLong, "the request's head is too long")
    }

    /// 400: the body did not arrive in time. The server reads no more of the request, and closes
    /// the connection.
    pub fn too_slow(seconds: u64) -> Self {
        let text = format!("the body was not complete after {seconds} seconds");
        Self { close: true, ..Self::new(Reason::BodyTooSlow, text) }
    }

    /// 400: the body ended early, or its framing is invalid. The server closes the connection.
    pub fn incomplete() -> Self {
        Self { close: true, ..Self::new(Reason::BodyIncomplete, "the body is not complete") }
    }

    /// 415: the body is not JSON.
    pub fn not_json() -> Self {
        Self::new(Reason::MediaTypeUnsupported, "the body must be application/json")
    }

    /// 415: the body is compressed or otherwise encoded.
    pub fn encoded() -> Self {
        let text = "the body must not be compressed: send it without Content-Encoding";
        let accepted = Some(Box::new((ACCEPT_ENCODING, HeaderValue::from_static("identity"))));
        Self { accepted, ..Self::new(Reason::BodyEncoded, text) }
    }

    /// 503: the server is overloaded.
    pub fn overloaded() -> Self {
        Self::new(Reason::Overloaded, "the server has too much to do")
    }

    /// 503: the request's task was aborted, so its result is unknown.
    pub fn lost() -> Self {
        Self::new(Reason::AnswerLost, "the request was not answered")
    }

    /// Converts an error of a request whose action was read from a bearer token. An unknown action
    /// means that the token is void.
    pub fn of_token(error: Error) -> Self {
        if error == Error::Refused(Refusal::ActionUnknown) {
            let text = "the token is void: its action is gone or was changed";
            return Self::new(Reason::TokenVoid, text);
        }
        error.into()
    }

    /// Returns the body of the response.
    pub fn body(&self) -> ErrorBody {
        let challenge_id = self.challenge.as_ref().map(ToString::to_string);
        ErrorBody { challenge_id, ..ErrorBody::new(self.reason, self.description.clone()) }
    }

    /// Returns the error's text for people.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Returns the error's code.
    pub fn code(&self) -> &'static str {
        self.reason.code().name()
    }

    /// Returns the error's reason.
    pub const fn reason(&self) -> Reason {
        self.reason
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.reason.status(), self.code(), self.description)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.reason.status()).expect("the table has the statuses of HTTP")
    }

    fn error_response(&self) -> HttpResponse {
        let (status, reason) = (self.status_code(), self.reason.name());
        tracing::debug!(status = status.as_u16(), code = self.code(), reason, "refused");
        let mut response = HttpResponse::build(status);
        if let Some(seconds) = self.retry_after_seconds {
            response.insert_header((RETRY_AFTER, seconds));
        }
        if let Some(accepted) = self.accepted.clone() {
            response.insert_header(*accepted);
        }
        if self.close {
            response.force_close();
        }
        response.json(self.body())
    }
}
