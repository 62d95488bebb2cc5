//! What a connection has carried so far. Shared by the socket, which reads no further than this
//! allows, and by the middleware, which knows where requests begin and end.

use std::cell::Cell;
use std::rc::Rc;

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::http::header::{CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};
use actix_web::middleware::Next;

use super::idle::Idleness;

/// Requests that one connection carries. The answer to the last says `Connection: close`.
pub const REQUESTS_PER_CONNECTION_MAX: u32 = 1000;

/// Bytes that are read behind requests whose answers are awaited. Every request in them is held in
/// memory, at many times its size.
const PIPELINED_BYTES_MAX: usize = 1024;

/// What a connection has carried. Clones are the same connection's; none leaves its thread.
#[derive(Clone)]
pub struct Load(Rc<Counts>);

struct Counts {
    requests: Cell<u32>,
    /// The last answer was given: nothing more is read.
    is_spent: Cell<bool>,
    /// The latest request has a body of which not all was read.
    is_unread: Cell<bool>,
    is_under_way: Cell<bool>,
    /// Bytes read for the body of the request under way.
    body: Cell<usize>,
    body_max: usize,
    /// Bytes read besides while requests were under way, one behind the other.
    ahead: Cell<usize>,
    idleness: Idleness,
}

impl Load {
    /// A fresh connection's. `body_max` is how many bytes may be read for a request's body.
    pub fn new(body_max: usize) -> Self {
        Self::of(Idleness::default(), body_max)
    }

    /// The same for a connection that may be asked to give way.
    pub(super) fn of(idleness: Idleness, body_max: usize) -> Self {
        Self(Rc::new(Counts {
            requests: Cell::new(0),
            is_spent: Cell::new(false),
            is_unread: Cell::new(false),
            is_under_way: Cell::new(false),
            body: Cell::new(0),
            body_max,
            ahead: Cell::new(0),
            idleness,
        }))
    }

    /// Since when nothing is under way. An answer that the peer does not take is.
    pub(super) fn idleness(&self) -> &Idleness {
        &self.0.idleness
    }

    /// Notes that a request begins; answers whether it is the last, or came behind the last.
    pub(super) fn begin(&self, has_body: bool) -> bool {
        let requests = self.0.requests.get().saturating_add(1);
        self.0.requests.set(requests);
        self.0.is_unread.set(has_body);
        self.0.body.set(0);
        self.0.is_under_way.set(true);
        self.0.idleness.end();
        requests >= REQUESTS_PER_CONNECTION_MAX
    }

    pub(super) fn end(&self, is_last: bool) {
        self.0.is_under_way.set(false);
        // The last request's own body had to be read: only its answer ends the reading.
        self.0.is_spent.set(self.0.is_spent.get() || is_last);
    }

    /// Notes that the body of the request under way was read to its end.
    pub fn body_is_read(&self) {
        self.0.is_unread.set(false);
    }

    /// Whether the latest request has a body of which not all was read. What is wrong with that
    /// body is wrong with a request that has, or gets, its answer.
    pub(super) fn is_unread(&self) -> bool {
        self.0.is_unread.get()
    }

    /// Requests that have begun.
    pub(super) fn requests(&self) -> u32 {
        self.0.requests.get()
    }

    /// Whether a request is under way.
    pub(super) fn is_under_way(&self) -> bool {
        self.0.is_under_way.get()
    }

    /// Bytes that may be read. To be asked when the peer has taken all answers: where no request is
    /// under way by then, none waits behind another.
    pub(super) fn room(&self) -> usize {
        if self.0.is_spent.get() {
            return 0;
        }
        if !self.is_under_way() {
            self.0.ahead.set(0);
            return usize::MAX;
        }
        if self.is_unread() {
            return self.0.body_max.saturating_sub(self.0.body.get());
        }
        PIPELINED_BYTES_MAX.saturating_sub(self.0.ahead.get())
    }

    pub(super) fn add_read(&self, bytes: usize) {
        if self.is_under_way() {
            let read = if self.is_unread() { &self.0.body } else { &self.0.ahead };
            read.set(read.get().saturating_add(bytes));
        }
    }
}

/// A request's turn on its connection.
pub struct Turn {
    load: Option<Load>,
    is_last: bool,
}

impl Turn {
    /// Counts a request that begins.
    pub fn begin(request: &ServiceRequest) -> Self {
        let load = request.conn_data::<Load>().cloned();
        let has_body = has_body(request.headers());
        let is_last = load.as_ref().is_some_and(|load| load.begin(has_body));
        Self { load, is_last }
    }

    /// Notes that the request was answered, and lets the last answer say that it is the last.
    pub fn end<B>(self, answered: &mut Result<ServiceResponse<B>, Error>) {
        if let Some(load) = &self.load {
            load.end(self.is_last);
        }
        if let (true, Ok(response)) = (self.is_last, answered) {
            response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
        }
    }
}

/// Counts the requests of a connection, where nothing else stands around the routes.
///
/// # Errors
/// Those of the routes behind it.
pub async fn count<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let turn = Turn::begin(&request);
    let mut answered = next.call(request).await;
    turn.end(&mut answered);
    answered
}

fn has_body(headers: &HeaderMap) -> bool {
    headers.contains_key(TRANSFER_ENCODING)
        || headers.get(CONTENT_LENGTH).is_some_and(|length| length != "0")
}
