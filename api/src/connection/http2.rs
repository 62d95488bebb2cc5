//! HTTP/2 without TLS, for who knows beforehand that it is spoken (RFC 9113, section 3.3): proxies,
//! and many polls on one connection.
//!
//! `hyper` speaks it, since the HTTP library around the routes lets neither the streams of a
//! connection nor its heads be bounded. Frames do not pass [`super::Deadlined`], which knows
//! HTTP/1.1 alone: what that does for a connection is done here by streams.

use std::cell::Cell;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_http::body::{BodySize, BoxBody, MessageBody};
use actix_http::error::PayloadError;
use actix_http::header::{HeaderName, HeaderValue};
use actix_http::{Method, Payload, Request, Response, Uri, Version};
use actix_service::Service;
use actix_web::rt;
use actix_web::rt::net::TcpStream;
use actix_web::web::Bytes;
use futures_util::stream;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::time::{sleep, timeout};

use super::load::REQUESTS_PER_CONNECTION_MAX;
use super::serve::Settings;

/// Requests of one connection that are answered at the same time, polls among them. A client that
/// sends more is refused the stream.
pub const STREAMS_MAX: u32 = 128;
/// Bytes of one request's head, as HTTP/2 counts them.
pub const HEAD_BYTES_MAX: u32 = 16_384;
/// Streams that were reset before anybody looked at them; one more ends the connection.
const RESETS_MAX: usize = 20;
/// Frames of streams that are over, likewise.
const STRAY_FRAMES_MAX: usize = 64;
/// Bytes that are read ahead for all bodies of a connection: the least that HTTP/2 has.
const WINDOW_BYTES: u32 = 65_535;
/// Bytes of answers that wait to be taken, of one stream.
const SEND_BYTES_MAX: usize = 65_536;

/// The streams of one connection.
#[derive(Default)]
struct Streams {
    begun: Cell<u32>,
    under_way: Cell<u32>,
}

/// A stream that is answered.
struct Stream(Rc<Streams>);

impl Stream {
    fn begin(streams: &Rc<Streams>) -> Self {
        streams.begun.set(streams.begun.get().saturating_add(1));
        streams.under_way.set(streams.under_way.get() + 1);
        Self(streams.clone())
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.0.under_way.set(self.0.under_way.get() - 1);
    }
}

/// Starts what a connection needs on the thread that it belongs to.
#[derive(Clone)]
struct Here;

impl<F: Future + 'static> hyper::rt::Executor<F> for Here {
    fn execute(&self, future: F) {
        rt::spawn(async move { drop(future.await) });
    }
}

/// Serves one connection until it is over, has nothing under way for too long, or the server ends.
pub(super) async fn serve<S, B>(
    io: TcpStream,
    app: Rc<S>,
    with: Settings,
    ending: impl Future<Output = ()>,
) where
    S: Service<Request> + 'static,
    S::Error: Into<Response<BoxBody>>,
    S::Response: Into<Response<B>>,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    let peer = io.peer_addr().ok();
    let streams = Rc::new(Streams::default());
    let counted = streams.clone();
    let answer = service_fn(move |request| {
        let (stream, is_head) = (Stream::begin(&counted), request.method() == hyper::Method::HEAD);
        let called = converted(request, peer).map(|request| app.call(request));
        async move {
            let _stream = stream;
            let response: Response<BoxBody> = match called {
                Some(called) => match called.await {
                    Ok(response) => response.into().map_into_boxed_body(),
                    Err(error) => error.into(),
                },
                None => Response::bad_request().set_body(BoxBody::new(())),
            };
            Ok::<_, Infallible>(answered(response, is_head))
        }
    });
    let mut connection = pin!(settings(&with).serve_connection(TokioIo::new(io), answer));
    let mut ending = pin!(ending);
    let mut begun = 0;
    let mut patience = with.head_read;
    loop {
        tokio::select! {
            _ = connection.as_mut() => return,
            () = ending.as_mut() => break,
            () = sleep(patience) => {
                let is_idle = streams.under_way.get() == 0 && streams.begun.get() == begun;
                if is_idle || streams.begun.get() >= REQUESTS_PER_CONNECTION_MAX {
                    break;
                }
                begun = streams.begun.get();
                patience = with.keep_alive;
            }
        }
    }
    connection.as_mut().graceful_shutdown();
    // What is under way may end, polls among it.
    let _ = timeout(with.silence, connection).await;
}

fn settings(with: &Settings) -> http2::Builder<Here> {
    let mut builder = http2::Builder::new(Here);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEAD_BYTES_MAX)
        .max_pending_accept_reset_streams(RESETS_MAX)
        .max_local_error_reset_streams(STRAY_FRAMES_MAX)
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .max_send_buf_size(SEND_BYTES_MAX)
        // A peer that is gone, or takes no answers, does not answer this either.
        .keep_alive_interval(with.keep_alive)
        .keep_alive_timeout(with.head_read);
    builder
}

/// The request as the routes want it; `None` where it has what they cannot have.
fn converted(request: hyper::Request<Incoming>, peer: Option<SocketAddr>) -> Option<Request> {
    let (parts, body) = request.into_parts();
    let payload = if body.is_end_stream() {
        Payload::None
    } else {
        let chunks = stream::unfold(body, |mut body| async move {
            let frame = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await?;
            let failed = |error| PayloadError::Io(io::Error::other(error));
            let data = |frame: Frame<Bytes>| frame.into_data().unwrap_or_default();
            Some((frame.map(data).map_err(failed), body))
        });
        Payload::Stream { payload: Box::pin(chunks) as Pin<Box<_>> }
    };
    let mut request = Request::with_payload(payload);
    let head = request.head_mut();
    head.method = Method::from_bytes(parts.method.as_str().as_bytes()).ok()?;
    head.uri = Uri::try_from(parts.uri.path_and_query()?.as_str()).ok()?;
    head.version = Version::HTTP_2;
    head.peer_addr = peer;
    let host = parts.uri.authority().filter(|_| !parts.headers.contains_key(HOST));
    if let Some(host) = host {
        let name = HeaderName::from_static("host");
        head.headers.append(name, HeaderValue::from_str(host.as_str()).ok()?);
    }
    for (name, value) in &parts.headers {
        let name = HeaderName::from_bytes(name.as_str().as_bytes()).ok()?;
        head.headers.append(name, HeaderValue::from_bytes(value.as_bytes()).ok()?);
    }
    Some(request)
}

fn answered(response: Response<BoxBody>, is_head: bool) -> hyper::Response<Answer> {
    let (response, body) = response.into_parts();
    let size = body.size();
    let body = if is_head { BoxBody::new(()) } else { body };
    let mut answer = hyper::Response::new(Answer(body));
    let status = hyper::StatusCode::from_u16(response.status().as_u16());
    *answer.status_mut() = status.expect("both know the same statuses");
    for (name, value) in response.headers() {
        let name = hyper::header::HeaderName::from_bytes(name.as_str().as_bytes());
        let value = hyper::header::HeaderValue::from_bytes(value.as_bytes());
        if let (Ok(name), Ok(value)) = (name, value)
            && name != CONNECTION
            && name != TRANSFER_ENCODING
        {
            answer.headers_mut().append(name, value);
        }
    }
    if let (true, BodySize::Sized(bytes)) = (is_head, size) {
        answer.headers_mut().insert(CONTENT_LENGTH, bytes.into());
    }
    answer
}

/// The body of an answer.
struct Answer(BoxBody);

impl Body for Answer {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let chunk = self.0.as_pin_mut().poll_next(cx).map_ok(Frame::data);
        chunk.map_err(|error| io::Error::other(error.to_string()))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.0.size(), BodySize::None | BodySize::Sized(0))
    }

    fn size_hint(&self) -> SizeHint {
        match self.0.size() {
            BodySize::None => SizeHint::with_exact(0),
            BodySize::Sized(bytes) => SizeHint::with_exact(bytes),
            BodySize::Stream => SizeHint::new(),
        }
    }
}

/// Whether a connection begins as HTTP/2 does. What is looked at stays to be read. `None` if it
/// says nothing in time.
pub(super) async fn is_spoken(io: &TcpStream, patience: Duration) -> Option<bool> {
    /// The preface up to its version, which no request of HTTP/1.1 begins with.
    const PREFACE: &[u8] = b"PRI * HTTP/2";
    /// Time in which the rest of a preface is waited for. The part that is there makes the socket
    /// readable, so that nothing would say when there is more.
    const REST: Duration = Duration::from_millis(10);
    let look = async {
        loop {
            let mut bytes = [0; PREFACE.len()];
            let read = io.peek(&mut bytes).await.unwrap_or(0);
            let begins = bytes.get(..read).is_some_and(|read| PREFACE.starts_with(read));
            if read == 0 || read == PREFACE.len() || !begins {
                return read > 0 && begins;
            }
            sleep(REST).await;
        }
    };
    timeout(patience, look).await.ok()
}
