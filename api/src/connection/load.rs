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

/// Requests that one connection carries. The answer to the last says `Connection: close`.
pub const REQUESTS_PER_CONNECTION_MAX: u32 = 1000;

/// What a connection has carried. Clones are the same connection's; none leaves its thread.
#[derive(Clone)]
pub struct Load(Rc<Counts>);

struct Counts {
    requests: Cell<u32>,
    /// The last answer was given: nothing more is read.
    is_spent: Cell<bool>,
    /// The latest request has a body of which not all was read.
    is_unread: Cell<bool>,
    /// Bytes read since the request under way began; `None` between requests.
    ahead: Cell<Option<usize>>,
    ahead_max: usize,
}

impl Load {
    /// A fresh connection's. `ahead_max` is how many bytes may be read while a request is under
    /// way: its body, and what has been sent behind it.
    pub fn new(ahead_max: usize) -> Self {
        Self(Rc::new(Counts {
            requests: Cell::new(0),
            is_spent: Cell::new(false),
            is_unread: Cell::new(false),
            ahead: Cell::new(None),
            ahead_max,
        }))
    }

    /// Notes that a request begins; answers whether it is the last, or came behind the last.
    pub(super) fn begin(&self, has_body: bool) -> bool {
        let requests = self.0.requests.get().saturating_add(1);
        self.0.requests.set(requests);
        self.0.is_unread.set(has_body);
        self.0.ahead.set(Some(0));
        requests >= REQUESTS_PER_CONNECTION_MAX
    }

    pub(super) fn end(&self, is_last: bool) {
        self.0.ahead.set(None);
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
        self.0.ahead.get().is_some()
    }

    /// Whether more may be read.
    pub(super) fn may_read(&self) -> bool {
        !self.0.is_spent.get() && self.0.ahead.get().is_none_or(|read| read < self.0.ahead_max)
    }

    pub(super) fn add_read(&self, bytes: usize) {
        self.0.ahead.set(self.0.ahead.get().map(|read| read.saturating_add(bytes)));
    }
}

/// Counts the requests of a connection, and lets the last answer say that it is the last.
///
/// # Errors
/// Those of the routes behind it.
pub async fn count(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let Some(load) = request.conn_data::<Load>().cloned() else {
        return next.call(request).await;
    };
    let is_last = load.begin(has_body(request.headers()));
    let answered = next.call(request).await;
    load.end(is_last);
    let mut response = answered?;
    if is_last {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    Ok(response)
}

fn has_body(headers: &HeaderMap) -> bool {
    headers.contains_key(TRANSFER_ENCODING)
        || headers.get(CONTENT_LENGTH).is_some_and(|length| length != "0")
}
