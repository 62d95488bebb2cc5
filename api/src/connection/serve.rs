//! Server of an application over HTTP/1.1 and HTTP/2, with limits for each connection.
//!
//! It replaces actix-web's own `HttpServer`, because that accepts no other type of socket.

use std::convert::Infallible;
use std::fmt;
use std::future::ready;
use std::io;
use std::net::TcpListener;
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::time::Duration;

use actix_http::body::MessageBody;
use actix_http::{HttpService, Protocol, Request, Response};
use actix_server::Server;
use actix_service::{
    IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt as _, fn_factory, fn_service,
    map_config,
};
use actix_web::dev::AppConfig;
use actix_web::rt::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::idle::{Idleness, Roster};
use super::linger::LEAVE;
use super::permits::{Permits, per_worker};
use super::pieces::PIECE_BYTES;
use super::protocol_sniff::{Looked, look};
use super::settings::Settings;
use super::{Load, Patience, TimedIo, http2};
use crate::admission::ClientShares;

/// Bytes of responses that the HTTP library buffers for one connection before it waits for the peer
/// to read. One more piece may be added to them.
const WRITE_BYTES: usize = PIECE_BYTES;
/// Maximum of response bytes that the kernel buffers for one connection and has not sent, because
/// the peer has no room for them. Without the limit this buffer grows to megabytes.
const UNSENT_BYTES_MAX: u32 = 16_384;

/// Maximum number of worker threads. It is that of the library.
const WORKERS_MAX: NonZeroUsize = NonZeroUsize::new(512).expect("it is not 0");

/// Serves the applications of `factory` on a listener. `clients` limits the connections of each
/// client. The caller handles signals.
///
/// # Errors
/// The operating system's error about the listener.
pub fn serve<F, I, S, B>(
    listener: TcpListener,
    with: Settings,
    clients: ClientShares,
    factory: F,
) -> io::Result<Server>
where
    F: Fn() -> I + Clone + Send + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<actix_web::Error> + 'static,
    S::InitError: fmt::Debug,
    S::Response: Into<Response<B>> + 'static,
    S::Service: 'static,
    <S::Service as Service<Request>>::Future: 'static,
    B: MessageBody + 'static,
{
    let address = listener.local_addr()?;
    let workers = workers(with.workers);
    let permits = Permits::new(with.listener, with.connections_max, with.giving_way.above_percent);
    let server = Server::build()
        .workers(workers.get())
        .disable_signals()
        .shutdown_timeout(with.shutdown.as_secs())
        .max_concurrent_connections(per_worker(with.connections_max, workers));
    let ending = server.graceful_shutdown_signal();
    let server = server.listen(format!("http-{address}"), listener, move || {
        let app = factory().into_factory().map_err(|error| error.into().error_response());
        let app = map_config(app, |()| AppConfig::default());
        let (ending, permits, clients) = (ending.clone(), permits.clone(), clients.clone());
        // Both protocol versions use the worker's one application.
        fn_factory(move || {
            let (app, ending) = (app.new_service(()), ending.clone());
            let (permits, clients) = (permits.clone(), clients.clone());
            async move {
                let roster = Roster::start(permits.clone(), with.giving_way.patience);
                let app = Rc::new(app.await.map_err(|error| tracing::error!(?error, "no routes"))?);
                let shared = app.clone();
                let shared = fn_factory(move || ready(Ok::<_, Infallible>(shared.clone())));
                let (at_end, ends) = (ending.clone(), ending);
                let http1 = HttpService::build()
                    // Connections that are idle at the shutdown are closed, so that they do not
                    // delay it.
                    .graceful_shutdown_signal(move || {
                        let ending = at_end.clone();
                        async move { ending.notified().await }
                    })
                    .keep_alive(with.keep_alive)
                    // [`TimedIo`] limits the time of every head.
                    .client_request_timeout(Duration::ZERO)
                    .client_disconnect_timeout(LEAVE)
                    .h1_write_buffer_size(WRITE_BYTES)
                    // [`TimedIo`] detects that a client has disconnected. With this setting,
                    // requests before a refused head still get their responses.
                    .h1_allow_half_closed(true)
                    .local_addr(address)
                    .on_connect_ext(|io: &TimedIo<TcpStream>, data| {
                        data.insert(io.load().clone());
                    })
                    .finish(shared);
                let http1 = Rc::new(http1.new_service(()).await?);
                Ok::<_, ()>(fn_service(move |io: TcpStream| {
                    let (http1, app, ending) = (http1.clone(), app.clone(), ends.clone());
                    let (peer, since) = (io.peer_addr().ok(), Instant::now());
                    let member = permits.accept().map(|permit| roster.enter(permit, peer));
                    let share = clients.connect(peer);
                    // The future is boxed, because the library moves it into a task, which would
                    // store it twice.
                    Box::pin(async move {
                        // Without a permit the connection is closed at once: nothing is read or
                        // written.
                        let (Some(member), Ok(_share)) = (member, share) else { return Ok(()) };
                        let idleness = member.idleness();
                        let Some((io, is_http2)) = looked_at(io, with, idleness).await else {
                            return Ok(());
                        };
                        if is_http2 {
                            let (ends, idle) =
                                (async move { ending.notified().await }, idleness.clone());
                            // The future has its own box, so that HTTP/1.1 connections do not need
                            // memory of its size.
                            let served = http2::serve(io, peer, app, (with, since), idle, ends);
                            Box::pin(served).await;
                            return Ok(());
                        }
                        let patience = Patience { head: with.head_read, silence: with.silence };
                        let load = Load::of(idleness.clone(), with.body_bytes_max);
                        let io = TimedIo::since(since, io, patience, load);
                        tokio::select! {
                            // The library is polled first, so that a connection with a new request
                            // stays open.
                            biased;
                            served = http1.call((io, Protocol::Http1, peer)) => served,
                            () = idleness.gives_way() => Ok(()),
                        }
                    })
                }))
            }
        })
    })?;
    Ok(server.run())
}

/// Returns the number of worker threads: the configured one, or one per core, and at most 512.
pub fn workers(configured: Option<NonZeroUsize>) -> NonZeroUsize {
    let cores = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    configured.unwrap_or_else(cores).min(WORKERS_MAX)
}

/// Detects HTTP/2 on a connection. Returns `None` if the peer sends nothing, or only a part of the
/// preface, within `head_read`. Also returns `None` if the connection is asked to close to make
/// room.
async fn looked_at(
    io: TcpStream,
    with: Settings,
    idleness: &Idleness,
) -> Option<(Looked<TcpStream>, bool)> {
    // An HTTP/2 response has several frames. Without this option the last frame would wait for the
    // client to acknowledge the earlier ones, which it may delay by 40 ms.
    if let Err(error) = io.set_nodelay(true) {
        tracing::debug!(%error, "a connection waits for acknowledgements");
    }
    leave_little_unsent(&io);
    tokio::select! {
        biased;
        looked = timeout(with.head_read, look(io)) => looked.ok()?.ok(),
        () = idleness.gives_way() => None,
    }
}

/// Limits the unsent bytes in the kernel. So a peer that reads slowly takes no memory, and the
/// server notices that it reads slowly.
fn leave_little_unsent(io: &TcpStream) {
    #[cfg(target_os = "linux")]
    if let Err(error) = socket2::SockRef::from(io).set_tcp_notsent_lowat(UNSENT_BYTES_MAX) {
        tracing::debug!(%error, "the kernel does not limit the unsent bytes of a connection");
    }
}
