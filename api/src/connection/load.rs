//! State of an HTTP/1.1 connection's requests. The socket and the middleware share it: the
//! middleware records the begin and the end of requests, and the socket reads no further than the
//! state allows.

use std::cell::Cell;
use std::rc::Rc;
use std::task::Waker;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};
use actix_web::http::{ConnectionType, Version};
use actix_web::middleware::Next;
use actix_web::{Error, ResponseError as _};
use countersign_wire::reason::Reason;

use super::idle::Idleness;
use super::pieces::in_pieces;
use crate::problem::Problem;

/// Maximum number of requests on one connection. The last response has `Connection: close`.
pub const REQUESTS_PER_CONNECTION_MAX: u32 = 1000;

/// State of one connection's requests. Clones share it, and none may leave its thread.
#[derive(Clone)]
pub struct Load(Rc<Counts>);

#[derive(Default)]
struct Counts {
    /// Number of requests that have begun.
    requests: Cell<u32>,
    /// Number of requests that were passed to the HTTP library.
    handed_over: Cell<u32>,
    /// True if no request follows the latest one.
    closes: Cell<bool>,
    /// True after the last response: nothing more is read.
    is_spent: Cell<bool>,
    /// True if the latest request has a body that was not read to its end.
    is_unread: Cell<bool>,
    is_under_way: Cell<bool>,
    /// Number of tasks that work on the current request, without those that only wait for a
    /// notification.
    busy: Cell<u32>,
    /// Waker of the connection, set after the client closed its writing half. It is woken when the
    /// current request becomes a parked poll.
    left: Cell<Option<Waker>>,
    /// Bytes read for the body of the current request.
    body: Cell<usize>,
    body_max: usize,
    idleness: Idleness,
}

impl Load {
    /// Creates the state of a new connection. `body_max` is the maximum of bytes that may be read
    /// for a request's body.
    pub fn new(body_max: usize) -> Self {
        Self::of(Idleness::default(), body_max)
    }

    /// Creates the state of a connection that the server may ask to close when permits run short.
    pub(super) fn of(idleness: Idleness, body_max: usize) -> Self {
        Self(Rc::new(Counts { body_max, idleness, ..Counts::default() }))
    }

    /// Returns the connection's idleness. A connection is idle too while its peer reads nothing of
    /// a response.
    pub(super) fn idleness(&self) -> &Idleness {
        &self.0.idleness
    }

    /// Records that one more request was passed to the HTTP library. `is_last` is true if no
    /// request follows it.
    pub(super) fn hand_over(&self, is_last: bool) {
        self.0.handed_over.set(self.0.handed_over.get().saturating_add(1));
        if is_last {
            self.close();
        }
    }

    /// Records that no request follows the latest one.
    pub(super) fn close(&self) {
        self.0.closes.set(true);
    }

    /// Returns true if no request follows the latest one.
    pub(super) fn closes(&self) -> bool {
        self.0.closes.get()
    }

    /// Records that a request begins. Returns `false` for a stray request: one that the library
    /// sees in the body of another, although it did not receive it as a request. A stray request
    /// must not be executed.
    pub(super) fn begin(&self, has_body: bool) -> bool {
        let requests = self.0.requests.get().saturating_add(1);
        self.0.requests.set(requests);
        self.0.is_unread.set(has_body);
        self.0.body.set(0);
        self.0.busy.set(1);
        self.0.is_under_way.set(true);
        self.0.idleness.end();
        let is_known = requests <= self.0.handed_over.get();
        if !is_known || requests >= REQUESTS_PER_CONNECTION_MAX {
            self.close();
        }
        is_known
    }

    /// Records that the current request got its response. Returns true if it was the last request.
    pub(super) fn end(&self) -> bool {
        self.0.is_under_way.set(false);
        // The connection is read until here, because the body of the last request had to be read
        // before its response.
        self.0.is_spent.set(self.closes());
        self.closes()
    }

    /// Records that the body of the current request was read to its end.
    pub fn body_is_read(&self) {
        self.0.is_unread.set(false);
    }

    /// Returns true if part of the latest request's body was not read. An error in that body needs
    /// no response of its own, because the request gets one.
    pub(super) fn is_unread(&self) -> bool {
        self.0.is_unread.get()
    }

    /// Returns the number of requests that have begun.
    pub(super) fn requests(&self) -> u32 {
        self.0.requests.get()
    }

    /// Returns true if a request is in flight.
    pub(super) fn is_under_way(&self) -> bool {
        self.0.is_under_way.get()
    }

    /// Returns true if every request which the library received has its response.
    pub(super) fn is_answered(&self) -> bool {
        !self.is_under_way() && self.0.requests.get() >= self.0.handed_over.get()
    }

    /// Returns true if the last response was given.
    pub(super) fn is_spent(&self) -> bool {
        self.0.is_spent.get()
    }

    /// Returns the number of bytes that may still be read for the body of the current request.
    pub(super) fn body_room(&self) -> usize {
        match self.is_under_way() {
            true => self.0.body_max.saturating_sub(self.0.body.get()),
            false => usize::MAX,
        }
    }

    pub(super) fn add_body(&self, bytes: usize) {
        self.0.body.set(self.0.body.get().saturating_add(bytes));
    }

    /// Records that one more task works on the current request, until the guard is dropped.
    pub fn work(&self) -> Busy {
        Busy::change(self, 1)
    }

    /// Records that one of the tasks only waits for a notification, until the guard is dropped.
    pub fn wait(&self) -> Busy {
        let wait = Busy::change(self, -1);
        if self.is_parked()
            && let Some(waker) = self.0.left.take()
        {
            waker.wake();
        }
        wait
    }

    /// Returns true if the current request is a parked poll.
    pub(super) fn is_parked(&self) -> bool {
        self.is_under_way() && self.0.busy.get() == 0
    }

    /// Records that the client closed its writing half. `waker` is woken if the request parks.
    pub(super) fn has_left(&self, waker: &Waker) {
        self.0.left.set(Some(waker.clone()));
    }
}

/// Change in the number of tasks that work on a request. Dropping it reverts the change.
pub struct Busy {
    load: Load,
    by: i32,
}

impl Busy {
    fn change(load: &Load, by: i32) -> Self {
        load.0.busy.set(load.0.busy.get().saturating_add_signed(by));
        Self { load: load.clone(), by }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.load.0.busy.set(self.load.0.busy.get().saturating_add_signed(-self.by));
    }
}

/// Record of one request on its connection, from its begin to its response.
pub struct Turn {
    load: Option<Load>,
    is_stray: bool,
}

impl Turn {
    /// Records a request that begins.
    pub fn begin(request: &ServiceRequest) -> Self {
        let load = request.conn_data::<Load>().cloned();
        let has_body = has_body(request.headers());
        let is_stray = load.as_ref().is_some_and(|load| !load.begin(has_body));
        Self { load, is_stray }
    }

    /// Returns true if the request is stray: the client sent its bytes as the body of another
    /// request. It must not be executed.
    pub const fn is_stray(&self) -> bool {
        self.is_stray
    }

    /// Records the response. If it is the connection's last, it gets `Connection: close`.
    pub fn end<B>(self, answered: &mut Result<ServiceResponse<B>, Error>) {
        let Some(load) = &self.load else { return };
        if let Ok(response) = answered {
            let head = response.response_mut().head_mut();
            // The library reuses response heads. A reused head may have the version of an earlier
            // response, with which this one would seem to close the connection.
            head.version = Version::HTTP_11;
            if head.connection_type() == ConnectionType::Close {
                load.close();
            }
        }
        if let (true, Ok(response)) = (load.end(), answered) {
            response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
        }
    }
}

/// Refuses a stray request, with 400.
pub fn stray(request: ServiceRequest) -> ServiceResponse<BoxBody> {
    let text = "this request came inside of another";
    let problem = Problem::new(Reason::RequestMalformed, text);
    request.into_response(problem.error_response())
}

/// Middleware that only counts the requests of a connection, for a listener without other
/// middleware.
///
/// # Errors
/// Those of the routes behind it.
pub async fn count(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let turn = Turn::begin(&request);
    let mut answered = match turn.is_stray() {
        true => Ok(stray(request)),
        false => next.call(request).await.map(ServiceResponse::map_into_boxed_body),
    };
    turn.end(&mut answered);
    Ok(in_pieces(answered?))
}

fn has_body(headers: &HeaderMap) -> bool {
    headers.contains_key(TRANSFER_ENCODING)
        || headers.get(CONTENT_LENGTH).is_some_and(|length| length != "0")
}
