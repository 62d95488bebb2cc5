//! HTTP/2 without TLS by prior knowledge (RFC 9113, section 3.3): for proxies, and for many polls
//! on one connection.
//!
//! We use `hyper` for it, because the HTTP library of the routes has no limits for the streams of a
//! connection or for their heads. [`super::TimedIo`] parses only HTTP/1.1, so this module applies
//! the same limits to streams.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;

use actix_http::body::{BoxBody, MessageBody};
use actix_http::{Request, Response};
use actix_service::Service;
use actix_web::rt::net::TcpStream;
use actix_web::{ResponseError as _, rt};
use futures_util::FutureExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::time::{Instant, sleep_until, timeout};

use self::answer::answered;
use self::paced::Paced;
use self::request::converted;
use self::streams::{Stream, Streams};
use super::idle::Idleness;
use super::linger::LEAVE;
use super::load::REQUESTS_PER_CONNECTION_MAX;
use super::protocol_sniff::Looked;
use super::settings::Settings;
use super::take_deadline::TAKE_SILENCE;
use crate::admission::{Lane, count};
use crate::problem::Problem;
use crate::response_headers::protect;

mod answer;
mod frame_budget;
mod paced;
mod request;
mod streams;
mod untaken;

pub use frame_budget::{
    ANSWER_BYTES_PER_FRAME, FRAMES_AT_START, FRAMES_PER_REQUEST, FRAMES_PER_SECOND,
    FRAMES_SAVED_MAX,
};
pub use paced::READ_BYTES_PER_TURN;

/// Maximum number of requests in flight on one connection, parked polls included. A further stream
/// is refused.
pub const STREAMS_MAX: u32 = 128;
/// Maximum size of one request's head, in bytes as HTTP/2 counts them.
pub const HEAD_BYTES_MAX: u32 = 16_384;
/// Maximum number of headers in one request's head. It is that of the HTTP/1.1 library.
pub const HEADERS_MAX: usize = 96;
/// Maximum number of admitted requests on one connection whose bodies are incomplete. A further one
/// waits for a second, and is then rejected.
pub const BODIES_MAX: usize = 8;
/// Maximum number of streams that were reset before the server accepted them. A further one ends
/// the connection. The limit is that of open streams, because a proxy shares one connection among
/// its clients, and all of them may cancel their requests at once.
const RESETS_MAX: usize = STREAMS_MAX as usize;
/// Maximum number of streams on one connection that end in an error of the peer. A further one ends
/// the connection, and behind a proxy that ends the polls of all clients. So the limit is above the
/// number of streams that a connection can have. Such errors are normal: if a client cancels an
/// upload, `HAProxy` sends a body that is too short.
const STREAM_ERRORS_MAX: usize = 4 * REQUESTS_PER_CONNECTION_MAX as usize;
/// Bytes that are read ahead for all bodies of a connection. It is HTTP/2's initial window, the
/// smallest possible for a connection.
const WINDOW_BYTES: u32 = 65_535;
/// Maximum of response bytes that one stream buffers for the peer.
const SEND_BYTES_MAX: usize = 65_536;

/// Executor that runs the tasks of a connection on its own thread.
#[derive(Clone)]
struct LocalExecutor;

impl<F: Future + 'static> hyper::rt::Executor<F> for LocalExecutor {
    fn execute(&self, future: F) {
        // We use `map`, because an async block would store the future twice: captured and awaited.
        rt::spawn(future.map(drop));
    }
}

/// Serves one connection. It ends when the peer closes it, when it is idle or without progress for
/// too long, when it is asked to close to make room, after its last request, or when the server
/// stops (`ending`). The first deadline counts from `since`.
pub(super) async fn serve<S, B>(
    io: Looked<TcpStream>,
    peer: Option<SocketAddr>,
    app: Rc<S>,
    (with, since): (Settings, Instant),
    idleness: Idleness,
    ending: impl Future<Output = ()>,
) where
    S: Service<Request> + 'static,
    S::Error: Into<Response<BoxBody>>,
    S::Response: Into<Response<B>>,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    let streams = Rc::new(Streams::new(since, idleness.clone()));
    let counted = streams.clone();
    let answer = service_fn(move |request: hyper::Request<Incoming>| {
        let (streams, app) = (counted.clone(), app.clone());
        let stream = Stream::begin(&counted, Instant::now());
        async move {
            let is_head = request.method() == hyper::Method::HEAD;
            if stream.is_none() {
                // The stream began too long after GOAWAY.
                return Ok(answered(refused(&Problem::overloaded()), is_head, None));
            }
            let response = match admitted(request, peer, &streams).await {
                Ok(request) => match app.call(request).await {
                    Ok(response) => response.into().map_into_boxed_body(),
                    Err(error) => error.into(),
                },
                Err(problem) => refused(&problem),
            };
            Ok::<_, Infallible>(answered(response, is_head, stream))
        }
    });
    let io = TokioIo::new(Paced::new(io, streams.clone()));
    let mut connection = pin!(settings(&with).serve_connection(io, answer));
    let mut ending = pin!(ending);
    // A request may begin during the sleep, and its deadline may be earlier than this one.
    let look = with.silence.min(with.keep_alive).min(TAKE_SILENCE);
    loop {
        tokio::select! {
            _ = connection.as_mut() => return,
            () = ending.as_mut() => break,
            () = idleness.gives_way() => {
                if !streams.is_idle() {
                    // The peer does not read its responses, while other clients need the permit.
                    return;
                }
                break;
            }
            () = streams.spent() => break,
            () = sleep_until(streams.due(&with).min(Instant::now() + look)) => {
                let is_due = streams.due(&with) <= Instant::now();
                if is_due && !streams.is_idle() {
                    // The peer does not read its responses, so it would not read GOAWAY either.
                    return;
                }
                if is_due {
                    break;
                }
            }
        }
    }
    connection.as_mut().graceful_shutdown();
    let farewell = Instant::now();
    streams.leave(farewell);
    // Open streams may finish, parked polls included. The server does not wait for a peer that has
    // no open stream, or that does not read its responses in time.
    while timeout(LEAVE, connection.as_mut()).await.is_err() {
        let end = streams.due(&with).min(farewell + with.silence);
        if streams.is_idle() || end <= Instant::now() {
            return;
        }
    }
}

/// Waits until enough of the body has arrived to admit the request, then converts it. Rejects a
/// request whose body gets no permit in time.
async fn admitted(
    request: hyper::Request<Incoming>,
    peer: Option<SocketAddr>,
    streams: &Streams,
) -> Result<Request, Problem> {
    let (parts, body) = request.into_parts();
    let mut request = converted(&parts, peer)?;
    let Some(payload) = request::body(body, &streams.bodies).await? else {
        count(Lane::of(request.method(), request.path()), "full");
        return Err(Problem::overloaded());
    };
    *request.payload() = payload;
    Ok(request)
}

fn refused(problem: &Problem) -> Response<BoxBody> {
    let mut response = problem.error_response();
    protect(response.headers_mut());
    response.into()
}

fn settings(with: &Settings) -> http2::Builder<LocalExecutor> {
    let mut builder = http2::Builder::new(LocalExecutor);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEAD_BYTES_MAX)
        .max_pending_accept_reset_streams(RESETS_MAX)
        .max_local_error_reset_streams(STREAM_ERRORS_MAX)
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .max_send_buf_size(SEND_BYTES_MAX)
        // A peer that is gone, or that reads nothing, does not answer this ping either.
        .keep_alive_interval(with.keep_alive)
        .keep_alive_timeout(with.head_read);
    builder
}
