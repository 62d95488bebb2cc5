//! Load of a connection so far. The socket shares it, which reads no further than this allows, and
//! the middleware, which knows the begin and the end of requests.

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

/// Requests that one connection carries. The answer to the last says `Connection: close`.
pub const REQUESTS_PER_CONNECTION_MAX: u32 = 1000;

/// Load of one connection. Clones share it; none leaves its thread.
#[derive(Clone)]
pub struct Load(Rc<Counts>);

#[derive(Default)]
struct Counts {
    /// Requests that have begun.
    requests: Cell<u32>,
    /// Requests that the HTTP library was given.
    handed_over: Cell<u32>,
    /// No request comes behind the latest one.
    closes: Cell<bool>,
    /// The last answer was given: nothing more is read.
    is_spent: Cell<bool>,
    /// The latest request has a body of which not all was read.
    is_unread: Cell<bool>,
    is_under_way: Cell<bool>,
    /// Tasks of the request under way that do not merely wait for news.
    busy: Cell<u32>,
    /// Wakes the connection when the request under way merely waits. Set once the client has sent
    /// its end.
    left: Cell<Option<Waker>>,
    /// Bytes read for the body of the request under way.
    body: Cell<usize>,
    body_max: usize,
    idleness: Idleness,
}

impl Load {
    /// A fresh connection's. `body_max` is how many bytes may be read for a request's body.
    pub fn new(body_max: usize) -> Self {
        Self::of(Idleness::default(), body_max)
    }

    /// Load of a connection that the server may ask to close when places run short.
    pub(super) fn of(idleness: Idleness, body_max: usize) -> Self {
        Self(Rc::new(Counts { body_max, idleness, ..Counts::default() }))
    }

    /// The idleness of the connection. It is idle too while its peer takes nothing of an answer.
    pub(super) fn idleness(&self) -> &Idleness {
        &self.0.idleness
    }

    /// Notes that the HTTP library is given one more request, and whether it is the last.
    pub(super) fn hand_over(&self, is_last: bool) {
        self.0.handed_over.set(self.0.handed_over.get().saturating_add(1));
        if is_last {
            self.close();
        }
    }

    /// Lets no request come behind the latest one.
    pub(super) fn close(&self) {
        self.0.closes.set(true);
    }

    /// Tells whether no request follows the latest one.
    pub(super) fn closes(&self) -> bool {
        self.0.closes.get()
    }

    /// Notes that a request begins. Answers `false` for one that the library was not given: where
    /// the library sees a request in the body of another, nothing is done for it.
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

    /// Notes that the request under way was answered. Answers whether it was the last.
    pub(super) fn end(&self) -> bool {
        self.0.is_under_way.set(false);
        // The last request's own body had to be read: only its answer ends the reading.
        self.0.is_spent.set(self.closes());
        self.closes()
    }

    /// Notes that the body of the request under way was read to its end.
    pub fn body_is_read(&self) {
        self.0.is_unread.set(false);
    }

    /// Tells whether part of the latest request's body was not read. A fault of that body belongs
    /// to a request that has, or gets, its answer.
    pub(super) fn is_unread(&self) -> bool {
        self.0.is_unread.get()
    }

    /// Requests that have begun.
    pub(super) fn requests(&self) -> u32 {
        self.0.requests.get()
    }

    /// Tells whether a request is under way.
    pub(super) fn is_under_way(&self) -> bool {
        self.0.is_under_way.get()
    }

    /// Tells whether the library has answered every request that it was given.
    pub(super) fn is_answered(&self) -> bool {
        !self.is_under_way() && self.0.requests.get() >= self.0.handed_over.get()
    }

    /// Tells whether the last answer was given.
    pub(super) fn is_spent(&self) -> bool {
        self.0.is_spent.get()
    }

    /// Bytes that may be read for the body of the request under way.
    pub(super) fn body_room(&self) -> usize {
        match self.is_under_way() {
            true => self.0.body_max.saturating_sub(self.0.body.get()),
            false => usize::MAX,
        }
    }

    pub(super) fn add_body(&self, bytes: usize) {
        self.0.body.set(self.0.body.get().saturating_add(bytes));
    }

    /// Notes that one more task works on the request under way, until the guard is dropped.
    pub fn work(&self) -> Busy {
        Busy::change(self, 1)
    }

    /// Notes, until the guard is dropped, that one of the tasks only waits for a notification.
    pub fn wait(&self) -> Busy {
        let wait = Busy::change(self, -1);
        if self.is_parked()
            && let Some(waker) = self.0.left.take()
        {
            waker.wake();
        }
        wait
    }

    /// Tells whether the request under way is a parked poll.
    pub(super) fn is_parked(&self) -> bool {
        self.is_under_way() && self.0.busy.get() == 0
    }

    /// Notes that the client has sent its end; `waker` is woken if the request parks.
    pub(super) fn has_left(&self, waker: &Waker) {
        self.0.left.set(Some(waker.clone()));
    }
}

/// A change in how many tasks work on a request, taken back when it is dropped.
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

/// A request's turn on its connection.
pub struct Turn {
    load: Option<Load>,
    is_stray: bool,
}

impl Turn {
    /// Counts a request that begins.
    pub fn begin(request: &ServiceRequest) -> Self {
        let load = request.conn_data::<Load>().cloned();
        let has_body = has_body(request.headers());
        let is_stray = load.as_ref().is_some_and(|load| !load.begin(has_body));
        Self { load, is_stray }
    }

    /// Tells whether the bytes are a request that nobody sent as such, and that must not be carried
    /// out.
    pub const fn is_stray(&self) -> bool {
        self.is_stray
    }

    /// Notes that the request was answered, and lets the last answer say that it is the last.
    pub fn end<B>(self, answered: &mut Result<ServiceResponse<B>, Error>) {
        let Some(load) = &self.load else { return };
        if let Ok(response) = answered {
            let head = response.response_mut().head_mut();
            // The library uses heads again, with the version of an earlier answer, by which some
            // would seem to close.
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

/// Answers a request that is not to be carried out.
pub fn stray(request: ServiceRequest) -> ServiceResponse<BoxBody> {
    let text = "this request came inside of another";
    let problem = Problem::new(Reason::RequestMalformed, text);
    request.into_response(problem.error_response())
}

/// Counts the requests of a connection, where nothing else stands around the routes.
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
