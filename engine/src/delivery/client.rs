//! The HTTP client of a webhook: it sends a request, returns the status, and limits the size of the
//! response.
//!
//! It speaks HTTP/1.1 only, because an HTTP/2 peer can keep a client busy without answering, by
//! PING, SETTINGS and CONTINUATION frames. It uses no proxy, because a proxy would connect to
//! addresses that the policy has not checked. It follows no redirect.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hyper::{Request, StatusCode};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::{HttpConnector, capture_connection};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls_platform_verifier::Verifier;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tower::util::{MapFuture, MapResponse};
use tower::{BoxError, ServiceExt as _};

use super::connecting::{Call, bounded};
use super::failure::Failure;
use super::gated::Gated;
use super::metered::Received;
use super::resolver::CheckedResolver;
use crate::ports::Later;

/// Maximum number of interim responses (1xx) before the final response. Common servers send none or
/// one.
const INTERIM_ANSWERS_MAX: usize = 8;

/// Maximum size of a response's head, in bytes.
const HEAD_BYTES_MAX: usize = 32 * 1024;

/// Time for which an idle connection is kept, in milliseconds. Common servers close idle
/// connections after 5 seconds. A request on a connection that the server is closing would fail, so
/// the client closes it first.
const IDLE_CONNECTION_MS: u64 = 4_000;

const HTTP_1_1: &[u8] = b"http/1.1";

type Tcp = MapResponse<HttpConnector<CheckedResolver>, fn(TokioIo<TcpStream>) -> TokioIo<Received>>;
type Connecting = Later<Result<MaybeHttpsStream<TokioIo<Received>>, BoxError>>;
type Connector = MapFuture<HttpsConnector<Tcp>, fn(Connecting) -> Connecting>;

/// HTTP client that reuses its connections. Cheap to clone.
#[derive(Clone)]
pub(super) struct Client(legacy::Client<Connector, Gated>);

impl Client {
    /// Makes a client that connects to the addresses of `resolver`, trusts the system's
    /// certificates, and keeps at most `idle_max` idle connections.
    ///
    /// # Errors
    /// [`rustls::Error`] if the system has no trusted certificates.
    pub(super) fn new(resolver: CheckedResolver, idle_max: usize) -> Result<Self, rustls::Error> {
        let mut http = HttpConnector::new_with_resolver(resolver);
        http.enforce_http(false);
        http.set_nodelay(true);
        let tcp: Tcp = http.map_response(Received::on);
        let connector: Connector = HttpsConnector::from((tcp, tls()?)).map_future(bounded);
        let client = legacy::Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_millis(IDLE_CONNECTION_MS))
            .pool_max_idle_per_host(idle_max)
            .http1_max_buf_size(HEAD_BYTES_MAX)
            .build(connector);
        Ok(Self(client))
    }

    /// Sends a request once, within the given call, and returns the status. The response's body is
    /// dropped unread, which closes the connection unless the whole body has arrived already.
    pub(super) async fn send(
        &self,
        mut request: Request<Gated>,
        call: Call,
    ) -> Result<StatusCode, Failure> {
        let connection = capture_connection(&mut request);
        request.body_mut().connection = Some(connection);
        let interim = Arc::new(Interim::default());
        let counted = Arc::clone(&interim);
        hyper::ext::on_informational(&mut request, move |_| counted.count());
        tokio::select! {
            // The request is polled before the limit of interim responses. A final response after
            // too many interim ones is an error too.
            biased;
            answer = call.make(self.0.request(request)) => match answer {
                Ok(answer) if !interim.is_over() => Ok(answer.status()),
                Ok(_) => Err(Failure::TooLong),
                Err(error) => {
                    tracing::debug!(error = ?error, "a webhook failed");
                    Err(Failure::of(&error))
                }
            },
            () = interim.over.notified() => Err(Failure::TooLong),
        }
    }
}

/// Counter of the interim responses to one request.
#[derive(Default)]
struct Interim {
    seen: AtomicUsize,
    over: Notify,
}

impl Interim {
    fn count(&self) {
        self.seen.fetch_add(1, Ordering::Relaxed);
        if self.is_over() {
            self.over.notify_one();
        }
    }

    fn is_over(&self) -> bool {
        self.seen.load(Ordering::Relaxed) > INTERIM_ANSWERS_MAX
    }
}

fn tls() -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = Arc::new(Verifier::new(Arc::clone(&provider))?);
    let config =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let config = config.dangerous().with_custom_certificate_verifier(verifier);
    let mut config = config.with_no_client_auth();
    config.alpn_protocols = vec![HTTP_1_1.to_vec()];
    Ok(config)
}
