//! Time of a request's arrival, by which a decision is judged.

use std::future::{Ready, ready};

use actix_web::dev::{Payload, ServiceRequest};
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};
use countersign_core::time::UnixMillis;

use crate::problem::Problem;
use crate::state::AppState;

/// Time of arrival of a request that waited for its turn; `None` if it did not wait.
#[derive(Clone, Copy)]
pub struct Arrival(Option<UnixMillis>);

impl Arrival {
    /// Takes the time at which a request arrives.
    pub fn now(request: &ServiceRequest) -> Self {
        Self(Some(AppState::of(request.request()).engine.clock().now()))
    }

    /// Gives the time of arrival, which is `now` for a request that did not wait.
    pub fn or(self, now: UnixMillis) -> UnixMillis {
        self.0.unwrap_or(now)
    }
}

impl FromRequest for Arrival {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let noted = request.extensions().get::<Self>().copied();
        ready(Ok(noted.unwrap_or(Self(None))))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_request_that_waited_came_when_that_was_noted() {
        let request = TestRequest::default().to_http_request();
        let came = || Arrival::extract(&request).into_inner().map(|it| it.or(UnixMillis(9))).ok();
        assert_eq!(came(), Some(UnixMillis(9)));
        request.extensions_mut().insert(Arrival(Some(UnixMillis(5))));
        assert_eq!(came(), Some(UnixMillis(5)));
    }
}
