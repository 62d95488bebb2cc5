//! Tests of the webhook over TLS, with an endpoint whose certificate the system trusts.

use std::net::Ipv4Addr;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use countersign_engine::delivery::{Calls, Webhook, WebhookSettings};
use countersign_engine::ports::Delivery;
use countersign_testkit::hook::Request;
use countersign_testkit::redis_server::tls;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::server::TlsStream;

use crate::support::{issued, lookup, offered, settings};

/// Number of messages after which an endpoint stops if the webhook does not close the connection.
const PIECES_MAX: usize = 10_000;
/// Largest number of messages that an endpoint can send before its connection is closed. Some are
/// still under way when the webhook stops reading.
const SENT_MAX: usize = 1_000;
/// Pause between two messages, because the system needs a moment to pass each one on.
const PAUSE: Duration = Duration::from_millis(1);
/// Deadline of the call whose TLS handshake never ends. It is long enough for the other calls.
const DEADLINE: Duration = Duration::from_secs(4);
/// Longest time until an endpoint notices that its connection is closed.
const SOON: Duration = Duration::from_secs(20);
const ACCEPTED: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// An endpoint named `localhost` that prefers HTTP/2.
struct Endpoint {
    listener: TcpListener,
    tls: TlsAcceptor,
}

impl Endpoint {
    async fn listen() -> Self {
        let chain = CertificateDer::pem_file_iter(tls("localhost.pem")).unwrap();
        let chain = chain.map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_file(tls("localhost.key")).unwrap();
        let config = ServerConfig::builder_with_provider(aws_lc_rs::default_provider().into());
        let config = config.with_safe_default_protocol_versions().unwrap();
        let mut config = config.with_no_client_auth().with_single_cert(chain, key).unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        Self { listener, tls: TlsAcceptor::from(Arc::new(config)) }
    }

    fn webhook(&self) -> Webhook {
        self.webhook_of(Calls::default())
    }

    fn webhook_of(&self, calls: Calls) -> Webhook {
        let url = format!("https://localhost:{}/", self.listener.local_addr().unwrap().port());
        let settings = WebhookSettings { calls, ..settings(&url, &["localhost"]) };
        Webhook::with_lookup(settings, lookup(&["127.0.0.1"])).unwrap()
    }

    async fn accept(&self) -> TlsStream<TcpStream> {
        self.tls.accept(self.listener.accept().await.unwrap().0).await.unwrap()
    }
}

async fn deliver(webhook: &Webhook) -> Result<(), String> {
    let answer = webhook.deliver(&issued(None, None), offered()).await;
    answer.map(drop).map_err(|error| error.to_string())
}

/// Message that an endpoint repeats instead of a response.
#[derive(Clone, Copy)]
enum Flood {
    Interim,
    NewKeys,
}

impl Flood {
    async fn send(self, stream: &mut TlsStream<TcpStream>) -> std::io::Result<()> {
        match self {
            Self::Interim => stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?,
            Self::NewKeys => drop(stream.get_mut().1.refresh_traffic_keys()),
        }
        stream.flush().await
    }

    /// Makes a call. Returns its result, and the number of messages that the endpoint could send.
    async fn meets(self) -> (Result<(), String>, usize) {
        let endpoint = Endpoint::listen().await;
        let webhook = endpoint.webhook();
        let serving = tokio::spawn(async move {
            let mut stream = endpoint.accept().await;
            Request::read(&mut stream).await.unwrap();
            for sent in 0..PIECES_MAX {
                if self.send(&mut stream).await.is_err() {
                    return sent;
                }
                // Lets the client run after each message.
                tokio::time::sleep(PAUSE).await;
            }
            PIECES_MAX
        });
        (deliver(&webhook).await, serving.await.unwrap())
    }
}

#[tokio::test]
#[ignore = "trusted_endpoints_are_called_over_tls runs it, in a process that trusts the endpoint"]
async fn with_a_trusted_endpoint() {
    let endpoint = Endpoint::listen().await;
    let webhook = endpoint.webhook();
    let serving = async {
        let mut stream = endpoint.accept().await;
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"http/1.1".as_slice()));
        for _ in 0..3 {
            Request::read(&mut stream).await.unwrap();
            stream.write_all(ACCEPTED).await.unwrap();
        }
        // The webhook closes an idle connection soon, and this read waits for that.
        let _ = stream.read_u8().await;
    };
    let calling = async {
        for _ in 0..3 {
            assert_eq!(deliver(&webhook).await, Ok(()));
        }
        drop(webhook);
    };
    tokio::join!(serving, calling);

    let (answer, sent) = Flood::Interim.meets().await;
    let too_long = "the webhook's answer is longer than an answer may be".to_owned();
    assert_eq!(answer, Err(too_long));
    assert!(sent < SENT_MAX, "{sent} interim answers");

    let (answer, sent) = Flood::NewKeys.meets().await;
    assert_eq!(answer, Err("the webhook's connection was lost".to_owned()));
    assert!(sent < SENT_MAX, "{sent} records that only change keys");
}

#[tokio::test]
#[ignore = "a_half_made_connection_ends_and_counts_as_a_call runs it, as above"]
async fn with_an_endpoint_that_leaves_a_connection_half_made() {
    let endpoint = Endpoint::listen().await;
    let webhook = endpoint.webhook_of(Calls::new(2, 1)).with_deadline(DEADLINE);
    let (again, spare) = (webhook.clone(), webhook.clone());
    let first = tokio::spawn(async move { deliver(&again).await });
    let mut stream = endpoint.accept().await;
    Request::read(&mut stream).await.unwrap();
    let second = tokio::spawn(async move { deliver(&webhook).await });
    let (mut half_made, _) = endpoint.listener.accept().await.unwrap();
    half_made.read_u8().await.unwrap();
    // The first call ends, and the second call uses its connection. The handshake that the second
    // call began continues.
    stream.write_all(ACCEPTED).await.unwrap();
    Request::read(&mut stream).await.unwrap();
    stream.write_all(ACCEPTED).await.unwrap();
    assert_eq!((first.await.unwrap(), second.await.unwrap()), (Ok(()), Ok(())));

    let serving = async {
        Request::read(&mut stream).await.unwrap();
        let other = deliver(&spare).await;
        stream.write_all(ACCEPTED).await.unwrap();
        other
    };
    let (answer, other) = tokio::join!(deliver(&spare), serving);
    let busy = "too many webhooks are being called: this one had no turn in time";
    assert_eq!((answer, other), (Ok(()), Err(busy.to_owned())));

    let mut hello = Vec::new();
    let closed = timeout(SOON, half_made.read_to_end(&mut hello)).await;
    closed.expect("the connection is given up").unwrap();
    assert_eq!(deliver_to(&spare, &mut stream).await, Ok(()));
}

async fn deliver_to(webhook: &Webhook, stream: &mut TlsStream<TcpStream>) -> Result<(), String> {
    let serving = async {
        Request::read(stream).await.unwrap();
        stream.write_all(ACCEPTED).await.unwrap();
    };
    tokio::join!(deliver(webhook), serving).0
}

#[test]
fn trusted_endpoints_are_called_over_tls() {
    run_trusting("tls::with_a_trusted_endpoint");
}

#[test]
fn a_half_made_connection_ends_and_counts_as_a_call() {
    run_trusting("tls::with_an_endpoint_that_leaves_a_connection_half_made");
}

/// Runs a test in a new process that trusts the endpoint, because the process's environment names
/// the trusted certificates.
fn run_trusting(test: &str) {
    let mut again = Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", test, "--ignored"]);
    let output = again.env("SSL_CERT_FILE", tls("ca.pem")).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}
