//! Errors as the contract's JSON: the one place where a refusal becomes an answer. Its status and
//! its code follow from its reason.

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

/// An error as it is answered.
#[derive(Debug)]
pub struct Problem {
    reason: Reason,
    description: Cow<'static, str>,
    challenge: Option<ChallengeId>,
    retry_after_seconds: Option<u32>,
    /// A header that names the accepted values.
    accepted: Option<Box<(HeaderName, HeaderValue)>>,
    close: bool,
}

impl Problem {
    /// A refusal for one of the reasons, with a text for people. 429 and 503 ask to come again, if
    /// nothing else is set, after a second.
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

    /// 401: the token's time is over.
    pub fn expired_token() -> Self {
        Self::new(Reason::TokenExpired, "the token's lifetime is over")
    }

    /// 404: no route has the path.
    pub fn no_route() -> Self {
        Self::new(Reason::RouteNotFound, "there is no such route")
    }

    /// 405: the route has other methods, which `allow` names.
    pub fn method_not_allowed(allow: &str) -> Self {
        let text = "the route does not have this method";
        let problem = Self::new(Reason::MethodNotAllowed, text);
        let accepted = HeaderValue::try_from(allow).ok().map(|allow| Box::new((ALLOW, allow)));
        Self { accepted, ..problem }
    }

    /// 413: more than may be sent. The rest of the request is not read.
    pub fn too_large(bytes_max: usize) -> Self {
        let text = format!("the body is larger than {bytes_max} bytes");
        Self { close: true, ..Self::new(Reason::BodyTooLarge, text) }
    }

    /// 413: the head has more lines than are read.
    pub fn head_too_long() -> Self {
        Self::new(Reason::HeadTooLong, "the request's head is too long")
    }

    /// 400: the body did not come in time. The rest of the request is not read.
    pub fn too_slow(seconds: u64) -> Self {
        let text = format!("the body was not complete after {seconds} seconds");
        Self { close: true, ..Self::new(Reason::BodyTooSlow, text) }
    }

    /// 400: the body broke off, or its framing is not HTTP/1.1. Later bytes are not read.
    pub fn incomplete() -> Self {
        Self { close: true, ..Self::new(Reason::BodyIncomplete, "the body is not complete") }
    }

    /// 415: not JSON.
    pub fn not_json() -> Self {
        Self::new(Reason::MediaTypeUnsupported, "the body must be application/json")
    }

    /// 415: compressed, or otherwise encoded.
    pub fn encoded() -> Self {
        let text = "the body must not be compressed: send it without Content-Encoding";
        let accepted = Some(Box::new((ACCEPT_ENCODING, HeaderValue::from_static("identity"))));
        Self { accepted, ..Self::new(Reason::BodyEncoded, text) }
    }

    /// 503: more than can be taken.
    pub fn overloaded() -> Self {
        Self::new(Reason::Overloaded, "the server has too much to do")
    }

    /// 503: the work broke off.
    pub fn lost() -> Self {
        Self::new(Reason::AnswerLost, "the request was not answered")
    }

    /// Converts an error of a request whose action came from a bearer token: if the action is gone,
    /// so is the token's right.
    pub fn of_token(error: Error) -> Self {
        if error == Error::Refused(Refusal::ActionUnknown) {
            let text = "the token is void: its action is gone or was changed";
            return Self::new(Reason::TokenVoid, text);
        }
        error.into()
    }

    /// The body of the answer.
    pub fn body(&self) -> ErrorBody {
        let challenge_id = self.challenge.as_ref().map(ToString::to_string);
        ErrorBody { challenge_id, ..ErrorBody::new(self.reason, self.description.clone()) }
    }

    /// The fault, for people.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The code.
    pub fn code(&self) -> &'static str {
        self.reason.code().name()
    }

    /// The row of the table.
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
