//! What a connection has carried so far. Shared by the socket, which reads no further than this
//! allows, and by the middleware, which knows where requests begin and end.

use std::cell::Cell;
use std::rc::Rc;

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
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
            ahead: Cell::new(None),
            ahead_max,
        }))
    }

    /// Notes that a request begins; answers whether it is the last, or came behind the last.
    fn begin(&self) -> bool {
        let requests = self.0.requests.get().saturating_add(1);
        self.0.requests.set(requests);
        self.0.ahead.set(Some(0));
        requests >= REQUESTS_PER_CONNECTION_MAX
    }

    fn end(&self, is_last: bool) {
        self.0.ahead.set(None);
        // The last request's own body had to be read: only its answer ends the reading.
        self.0.is_spent.set(self.0.is_spent.get() || is_last);
    }

    /// Whether more may be read.
    pub(super) fn may_read(&self) -> bool {
        !self.0.is_spent.get() && self.0.ahead.get().is_none_or(|read| read < self.0.ahead_max)
    }

    pub(super) fn add_read(&self, bytes: usize) {
        self.0.ahead.set(self.0.ahead.get().map(|read| read.saturating_add(bytes)));
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
        let is_last = load.as_ref().is_some_and(Load::begin);
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
