//! Time of a request's arrival, by which a decision is judged.

use actix_web::dev::ServiceRequest;
use actix_web::{HttpMessage as _, HttpRequest};
use countersign_core::time::UnixMillis;

use crate::state::AppState;

/// Time of arrival of a request that waited for its turn, noted among its extensions.
#[derive(Clone, Copy)]
pub struct Arrival(UnixMillis);

impl Arrival {
    /// Takes the time at which a request arrives.
    pub fn now(request: &ServiceRequest) -> Self {
        Self(AppState::of(request.request()).engine.clock().now())
    }

    /// Gives the time of a request's arrival, which is `now` for one that did not wait.
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
