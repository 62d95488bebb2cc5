//! HTTP/2 without TLS by prior knowledge (RFC 9113, section 3.3): for proxies, and for many polls
//! on one connection.
//!
//! `hyper` speaks it, because the HTTP library around the routes lets neither the streams of a
//! connection nor its heads be bounded. Frames do not pass [`super::TimedIo`], which knows
//! HTTP/1.1 alone: this module sets the same bounds by streams.

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

/// Requests of one connection that are answered at the same time, polls among them. A client that
/// sends more is refused the stream.
pub const STREAMS_MAX: u32 = 128;
/// Bytes of one request's head, as HTTP/2 counts them.
pub const HEAD_BYTES_MAX: u32 = 16_384;
/// Lines of one request's head, as many as the library for HTTP/1.1 takes.
pub const HEADERS_MAX: usize = 96;
/// Requests of one connection that are let in before their bodies have ended. One more waits for a
/// second, and is then turned away.
pub const BODIES_MAX: usize = 8;
/// Streams that were reset before anybody looked at them; one more ends the connection. A proxy
/// shares one connection among its clients, and all of them may break their requests off at the
/// same moment.
const RESETS_MAX: usize = STREAMS_MAX as usize;
/// Streams of one connection that end in an error of the peer; one more ends the connection, and
/// with it the polls of everybody behind a proxy. Therefore more than a connection has streams:
/// `HAProxy` ends an upload that its client breaks off with too short a body, which is such an
/// error.
const STREAM_ERRORS_MAX: usize = 4 * REQUESTS_PER_CONNECTION_MAX as usize;
/// Bytes that are read ahead for all bodies of a connection: the least that HTTP/2 has.
const WINDOW_BYTES: u32 = 65_535;
/// Bytes of answers that wait to be taken, of one stream.
const SEND_BYTES_MAX: usize = 65_536;

/// Starts the services of a connection on its thread.
#[derive(Clone)]
struct LocalExecutor;

impl<F: Future + 'static> hyper::rt::Executor<F> for LocalExecutor {
    fn execute(&self, future: F) {
        // An async block would hold the future twice: as a captured value, and as the awaited one.
        rt::spawn(future.map(drop));
    }
}

/// Serves one connection until it is over, has nothing under way or makes no progress for too long,
/// it is asked to give way, or the server ends. Its time counts from `since`.
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
                // The stream came too long after GOAWAY.
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
    // Work that begins meanwhile may be due earlier than the present deadline.
    let look = with.silence.min(with.keep_alive).min(TAKE_SILENCE);
    loop {
        tokio::select! {
            _ = connection.as_mut() => return,
            () = ending.as_mut() => break,
            () = idleness.gives_way() => {
                if !streams.is_idle() {
                    // The peer reads no answers while others need its place.
                    return;
                }
                break;
            }
            () = streams.spent() => break,
            () = sleep_until(streams.due(&with).min(Instant::now() + look)) => {
                let is_due = streams.due(&with) <= Instant::now();
                if is_due && !streams.is_idle() {
                    // The peer reads no answers, so it would not read GOAWAY either.
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
    // Streams under way may end, polls among them. Nobody waits for a peer that has nothing under
    // way, nor for one that takes no answers while others need its place.
    while timeout(LEAVE, connection.as_mut()).await.is_err() {
        let end = streams.due(&with).min(farewell + with.silence);
        if streams.is_idle() || end <= Instant::now() {
            return;
        }
    }
}

/// The request, once as much of it is there as it takes to be let in.
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
        // A peer that is gone, or takes no answers, does not answer this either.
        .keep_alive_interval(with.keep_alive)
        .keep_alive_timeout(with.head_read);
    builder
}
