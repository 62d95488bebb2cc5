//! Holding a poll: for as long as its caller prefers, if there is a place to wait.

use actix_web::dev::ServiceRequest;
use actix_web::http::Method;
use actix_web::http::header::{HeaderMap, RETRY_AFTER};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use countersign_core::id::TenantId;
use countersign_engine::Patience;

use crate::admission::{Admission, PollPlace, Share};
use crate::connection::{Busy, Load};
use crate::request::prefer::{PREFERENCE_APPLIED, Wait};

mod shared;

pub use shared::{HeldWait, SharedHold};

/// Seconds after which a poll that could not wait may come again.
const RETRY_AFTER_SECONDS: u32 = 1;

/// The wait of one poll, and its places among those that wait: the server's, its client's and its
/// tenant's. It holds them no longer than the engine has it wait: [`Hold::over`] gives them back.
pub struct Hold {
    wait: Option<Wait>,
    places: Option<(Share, PollPlace)>,
    /// The load of the connection, over HTTP/1.1.
    load: Option<Load>,
}

/// A hold as the engine takes it. While the engine lets it wait, its connection knows that the
/// request is a parked poll.
pub struct Parking<'h> {
    ms: u64,
    load: Option<&'h Load>,
}

impl Patience for Parking<'_> {
    type Wait = Option<Busy>;

    fn ms(&self) -> u64 {
        self.ms
    }

    fn begin(&self) -> Option<Busy> {
        self.load.map(Load::wait)
    }
}

/// Has the head of a poll that may wait keep room for its own lines alone. The HTTP library's has
/// it for 28, in 6.7 KB that would be held for as long as the poll is.
pub fn fit(request: &mut ServiceRequest) {
    if Wait::of(request.headers()).is_none() {
        return;
    }
    let headers = request.headers_mut();
    let fitting = HeaderMap::with_capacity(headers.len_keys());
    for (name, value) in std::mem::replace(headers, fitting) {
        headers.append(name, value);
    }
}

impl Hold {
    /// Takes the places that a poll of a tenant needs, if it prefers to wait. HEAD never waits,
    /// because its answer could not tell any news.
    pub fn of(request: &HttpRequest, tenant: &TenantId) -> Self {
        let wait = Wait::of(request.headers()).filter(|_| request.method() != Method::HEAD);
        let admission = waiting_room(request, wait);
        let places =
            admission.and_then(|room| Some((room.wait_of(tenant)?, enter(room, request)?)));
        let load = wait.and_then(|_| request.conn_data::<Load>().cloned());
        Self { wait, places, load }
    }

    /// Parks the poll, if there is no news yet.
    pub fn park(&self) -> Parking<'_> {
        Parking { ms: self.ms(), load: self.load.as_ref() }
    }

    /// Time to wait, in milliseconds; 0 if the caller prefers not to, or has no place.
    pub fn ms(&self) -> u64 {
        self.wait.filter(|_| self.places.is_some()).map_or(0, Wait::ms)
    }

    /// Gives the places back, since nothing is waited for any more.
    pub fn over(self) -> Held {
        Held { wait: self.wait, crowded: wants(self.wait) && self.places.is_none() }
    }
}

/// A poll that waits no longer.
pub struct Held {
    wait: Option<Wait>,
    crowded: bool,
}

impl Held {
    /// The answer's head. `crowded` says that the engine did not let the poll wait; `is_over` that
    /// there was something to tell.
    pub fn response(self, crowded: bool, is_over: bool) -> HttpResponseBuilder {
        let mut response = HttpResponse::Ok();
        let Some(wait) = self.wait else { return response };
        response.insert_header((PREFERENCE_APPLIED.clone(), wait.applied()));
        if !is_over && (crowded || self.crowded) {
            response.insert_header((RETRY_AFTER, RETRY_AFTER_SECONDS));
        }
        response
    }
}

fn wants(wait: Option<Wait>) -> bool {
    wait.is_some_and(|wait| wait.ms() > 0)
}

/// The gates at which a poll takes its places, if it prefers to wait at all.
fn waiting_room(request: &HttpRequest, wait: Option<Wait>) -> Option<&Admission> {
    let admission = request.app_data::<Data<Admission>>().filter(|_| wants(wait));
    admission.map(|admission| admission.get_ref())
}

fn enter(room: &Admission, request: &HttpRequest) -> Option<PollPlace> {
    room.wait(room.client(request.peer_addr(), request.headers()))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{ACCEPT, HeaderValue};
    use actix_web::test::TestRequest;

    use super::*;

    fn fitted(prefer: Option<&'static str>) -> ServiceRequest {
        let request = TestRequest::get().append_header((ACCEPT, "a")).append_header((ACCEPT, "b"));
        let request =
            prefer.map_or_else(TestRequest::get, |wait| request.append_header(("prefer", wait)));
        let mut request = request.to_srv_request();
        request.headers_mut().reserve(64);
        fit(&mut request);
        request
    }

    #[test]
    fn a_poll_that_waits_keeps_its_lines_and_no_room_for_others() {
        let request = fitted(Some("wait=30"));
        let lines: Vec<_> = request.headers().get_all(ACCEPT).map(HeaderValue::as_bytes).collect();
        assert_eq!(lines, [b"a", b"b"]);
        assert!(request.headers().capacity() < 16);
        assert!(fitted(None).headers().capacity() >= 64, "the head of another is left alone");
    }
}
