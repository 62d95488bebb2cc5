//! Parked polls: a poll waits as long as its caller prefers, if permits are left. It takes one
//! permit of each kind, however many challenges it names, because it is one request. The engine
//! limits the polls of each challenge.

use std::rc::{Rc, Weak};

use actix_web::dev::ServiceRequest;
use actix_web::http::header::{HeaderMap, RETRY_AFTER};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use countersign_core::id::TenantId;
use countersign_engine::WaitTime;

use crate::admission::{Admission, PollPlace, Share};
use crate::connection::{Busy, Load};
use crate::problem::RETRY_AFTER_SECONDS;
use crate::request::prefer::{PREFERENCE_APPLIED, Wait};

/// The wait of one poll, and its place in the server and its client's share.
pub struct LongPoll<'r> {
    wait: Option<Wait>,
    room: Option<(&'r Admission, PollPlace)>,
    /// Permits in tenants' shares. Each is released after the last wait for its tenant.
    tenants: Vec<(&'r TenantId, Weak<Share>)>,
    crowded: bool,
    /// State of the connection's requests, over HTTP/1.1 only.
    load: Option<&'r Load>,
}

/// Wait of a poll for one tenant's challenge or device. While it waits in the engine, the
/// connection knows that its request is a parked poll.
pub struct PollWait<'r> {
    /// Time of the wait in milliseconds; 0 if no permit was left.
    pub ms: u64,
    load: Option<&'r Load>,
    _place: Option<Rc<Share>>,
}

impl PollWait<'_> {
    /// Records that one more task works on the request, until the guard is dropped.
    pub fn work(&self) -> Option<Busy> {
        self.load.map(Load::work)
    }
}

impl WaitTime for &PollWait<'_> {
    type Guard = Option<Busy>;

    fn ms(&self) -> u64 {
        self.ms
    }

    fn begin(&self) -> Option<Busy> {
        self.load.map(Load::wait)
    }
}

impl<'r> LongPoll<'r> {
    /// Takes a permit of the server, if the poll prefers to wait.
    pub fn of(request: &'r HttpRequest) -> Self {
        let poll = Self::at_once(request);
        if poll.wait.is_none_or(|wait| wait.ms() == 0) {
            return poll;
        }
        let room = request.app_data::<Data<Admission>>().and_then(|room| {
            let client = room.client(request.peer_addr(), request.headers());
            Some((room.get_ref(), room.wait(client)?))
        });
        Self { crowded: room.is_none(), room, ..poll }
    }

    /// Creates a poll without a permit, because it gets its response at once.
    pub fn at_once(request: &'r HttpRequest) -> Self {
        let (wait, load) = (Wait::of(request.headers()), request.conn_data());
        Self { wait, room: None, tenants: Vec::new(), crowded: false, load }
    }

    /// Records that the request's own task only waits for its other tasks, until the guard is
    /// dropped.
    pub fn wait(&self) -> Option<Busy> {
        self.load.map(Load::wait)
    }

    /// Returns the wait for a challenge of a tenant. All waits for one tenant share a permit, which
    /// is released after the last of them.
    pub fn wait_of(&mut self, tenant: &'r TenantId) -> PollWait<'r> {
        let place = self.place_of(tenant);
        self.crowded |= self.room.is_some() && place.is_none();
        let ms = self.wait.filter(|_| place.is_some()).map_or(0, Wait::ms);
        PollWait { ms, load: self.load, _place: place }
    }

    /// Returns the wait of a poll that is about only one tenant. If the tenant has no permit left,
    /// it releases the server's permit at once, because polls of other tenants may need it.
    pub fn wait_of_one(&mut self, tenant: &'r TenantId) -> PollWait<'r> {
        let wait = self.wait_of(tenant);
        if wait.ms == 0 {
            self.room = None;
        }
        wait
    }

    fn place_of(&mut self, tenant: &'r TenantId) -> Option<Rc<Share>> {
        let (room, _) = self.room.as_ref()?;
        let mut taken = self.tenants.iter().filter(|(other, _)| *other == tenant);
        if let Some(place) = taken.find_map(|(_, place)| place.upgrade()) {
            return Some(place);
        }
        let place = Rc::new(room.wait_of(tenant)?);
        self.tenants.push((tenant, Rc::downgrade(&place)));
        Some(place)
    }

    /// Ends the wait of the poll, and releases its permit of the server.
    pub fn over(self) -> PollEnd {
        PollEnd { wait: self.wait, crowded: self.crowded }
    }
}

/// A poll whose wait has ended.
pub struct PollEnd {
    wait: Option<Wait>,
    crowded: bool,
}

impl PollEnd {
    /// Builds the head of the response. `crowded` is true if the engine did not let the poll wait;
    /// `is_over` is true if the response has news.
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

/// Shrinks the head of a poll that may wait to the space of its own headers. The HTTP library
/// allocates 6.7 KB for 28 headers, which a parked poll would hold all the time.
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

#[cfg(test)]
mod tests {
    use actix_web::http::header::{ACCEPT, HeaderValue};
    use actix_web::test::TestRequest;

    use super::*;

    fn request(admission: &Data<Admission>) -> HttpRequest {
        let request = TestRequest::post().append_header(("prefer", "wait=30"));
        request.app_data(admission.clone()).to_http_request()
    }

    fn tenant(id: &str) -> TenantId {
        TenantId::parse(id).unwrap()
    }

    #[test]
    fn a_poll_has_one_place_whatever_it_waits_for() {
        // Half of the eight requests may be polls, and half of these of one tenant.
        let admission = Data::new(Admission::new(8, 8));
        let (acme, beta, request) = (tenant("acme"), tenant("beta"), request(&admission));
        let mut poll = LongPoll::of(&request);
        let waits: Vec<_> = (0..8).map(|_| poll.wait_of(&acme)).collect();
        assert!(waits.iter().all(|wait| wait.ms == 30_000));
        assert_eq!(poll.wait_of(&beta).ms, 30_000);
        let others: Vec<_> = (0..3).map(|_| admission.wait(None)).collect();
        assert!(others.iter().all(Option::is_some) && admission.wait(None).is_none());
        let theirs = [admission.wait_of(&acme), admission.wait_of(&acme)];
        assert!(theirs[0].is_some() && theirs[1].is_none());
    }

    #[test]
    fn a_place_in_a_tenants_share_is_given_back_with_the_last_wait_for_it() {
        let admission = Data::new(Admission::new(4, 8));
        let (acme, beta, request) = (tenant("acme"), tenant("beta"), request(&admission));
        let mut poll = LongPoll::of(&request);
        let [one, other, _third] = [&acme, &acme, &beta].map(|tenant| poll.wait_of(tenant));
        drop(one);
        assert!(admission.wait_of(&acme).is_none(), "the other waits still");
        drop(other);
        assert!(admission.wait_of(&acme).is_some());
        assert!(admission.wait_of(&beta).is_none());
        assert_eq!(poll.wait_of(&acme).ms, 30_000, "it is taken anew");
    }

    #[test]
    fn a_poll_without_a_place_of_its_tenant_keeps_none_of_the_server() {
        // Two of the four requests may be polls, and one of these of each tenant.
        let admission = Data::new(Admission::new(4, 8));
        let (acme, beta, request) = (tenant("acme"), tenant("beta"), request(&admission));
        let mut first = LongPoll::of(&request);
        assert_eq!(first.wait_of_one(&acme).ms, 30_000);
        let _waits = first.wait_of_one(&acme);
        let mut second = LongPoll::of(&request);
        assert_eq!(second.wait_of_one(&acme).ms, 0);
        let mut other = LongPoll::of(&request);
        assert_eq!(other.wait_of_one(&beta).ms, 30_000);
        let over = second.over().response(false, false).finish();
        assert!(over.headers().contains_key(RETRY_AFTER));
    }

    #[test]
    fn what_is_answered_at_once_has_no_place() {
        let admission = Data::new(Admission::new(2, 8));
        let (acme, request) = (tenant("acme"), request(&admission));
        let mut poll = LongPoll::at_once(&request);
        assert_eq!(poll.wait_of(&acme).ms, 0);
        let place = admission.wait(None);
        assert!(place.is_some());
        assert_eq!(LongPoll::of(&request).wait_of(&acme).ms, 0);
    }

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
