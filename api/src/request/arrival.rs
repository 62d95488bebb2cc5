//! Arrival time of a request. A decision is judged by its request's arrival time, because the
//! request may have waited for its turn.

use actix_web::dev::ServiceRequest;
use actix_web::{HttpMessage as _, HttpRequest};
use countersign_core::time::UnixMillis;

use crate::state::AppState;

/// Arrival time of a request that waited for its turn. It is stored in the request's extensions.
#[derive(Clone, Copy)]
pub struct Arrival(UnixMillis);

impl Arrival {
    /// Returns the current time as the request's arrival time.
    pub fn now(request: &ServiceRequest) -> Self {
        Self(AppState::of(request.request()).engine.clock().now())
    }

    /// Returns the request's arrival time. For a request that did not wait it is `now`.
    pub fn of(request: &HttpRequest, now: UnixMillis) -> UnixMillis {
        request.extensions().get::<Self>().map_or(now, |noted| noted.0)
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_request_that_waited_came_when_that_was_noted() {
        let request = TestRequest::default().to_http_request();
        let came = || Arrival::of(&request, UnixMillis(9));
        assert_eq!(came(), UnixMillis(9));
        request.extensions_mut().insert(Arrival(UnixMillis(5)));
        assert_eq!(came(), UnixMillis(5));
    }
}
