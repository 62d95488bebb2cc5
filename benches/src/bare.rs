//! Reference costs for a lifecycle: a bare JSON request, a bare parked poll, and a bare signature
//! check.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io::{self, Write as _};
use std::pin::Pin;
use std::time::Duration;

use actix_web::web::{self, Json};
use actix_web::{App, HttpResponse, HttpServer};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _,
    ParsedPublicKey,
};
use countersign_client::SoftwareKey;
use countersign_core::signature::{Algorithm, Check, PublicKey, verify_batch};
use countersign_engine::ports::Entropy as _;
use countersign_engine::system::SystemEntropy;
use countersign_loadtest::client::raw::POLL;
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use crate::cpu;

/// Number of signatures in a batch.
const BATCH: usize = 64;

/// A JSON body of about 300 bytes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    user_id: String,
    idempotency_key: String,
    action_code: String,
    user_agent: String,
    ip_address: String,
    expires_at: u64,
    is_enrolled: bool,
    methods: Vec<String>,
}

impl Message {
    /// Returns a message with a value in every field.
    pub fn sample() -> Self {
        Self {
            user_id: "load-4711-17".to_owned(),
            idempotency_key: "0b5a6a0e-4b0f-4b5e-9d5b-3f0c8e1f7a11".to_owned(),
            action_code: "signIn".to_owned(),
            user_agent: "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101".to_owned(),
            ip_address: "198.51.100.7".to_owned(),
            expires_at: 1_795_471_200,
            is_enrolled: true,
            methods: vec!["PUSH".to_owned()],
        }
    }
}

/// Serves one route that receives a [`Message`] and responds with another, until the process ends.
/// First it prints its address. Its settings for connections are those of `countersign`.
///
/// # Errors
/// If it cannot listen on a port, or cannot print its address.
pub fn serve(workers: usize) -> io::Result<()> {
    actix_web::rt::System::new().block_on(async {
        let server = HttpServer::new(|| App::new().route("/json", web::post().to(answer)))
            .workers(workers)
            .client_request_timeout(Duration::from_secs(5))
            .keep_alive(Duration::from_secs(75))
            .h1_allow_half_closed(false)
            .bind(("127.0.0.1", 0))?;
        for address in server.addrs() {
            writeln!(io::stdout(), "{address}")?;
        }
        server.run().await
    })
}

/// Serves polls over HTTP/1.1, each of which waits on a channel that never gets a value, until the
/// process ends. First it prints its address. A request that is not a `POST` gets a response
/// without a wait.
///
/// # Errors
/// If it cannot listen on a port, or cannot print its address.
pub fn park() -> io::Result<()> {
    actix_web::rt::System::new().block_on(async {
        let app = || {
            let wait = web::post().to(async |body: web::Bytes| {
                drop(body);
                HttpResponse::Ok().json(wait().await)
            });
            App::new().default_service(web::route().to(HttpResponse::Ok)).route(POLL, wait)
        };
        let server = HttpServer::new(app).workers(1).bind(("127.0.0.1", 0))?;
        for address in server.addrs() {
            writeln!(io::stdout(), "{address}")?;
        }
        server.run().await
    })
}

/// Serves polls over HTTP/2 as [`park`] does over HTTP/1.1, with the library and the settings of
/// `countersign`.
///
/// # Errors
/// If it cannot listen on a port, or cannot print its address.
pub fn park_http2() -> io::Result<()> {
    actix_web::rt::System::new().block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        writeln!(io::stdout(), "{}", listener.local_addr()?)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let connection =
                http2().serve_connection(TokioIo::new(stream), service_fn(answer_http2));
            actix_web::rt::spawn(async { drop(connection.await) });
        }
    })
}

async fn answer_http2(request: Request<Incoming>) -> Result<Response<String>, Infallible> {
    if request.method() != hyper::Method::POST {
        return Ok(Response::default());
    }
    let mut body = request.into_body();
    while poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await.is_some() {}
    Ok(Response::new(wait().await.to_string()))
}

/// Returns a connection builder with the settings of `countersign`.
fn http2() -> http2::Builder<Here> {
    let mut builder = http2::Builder::new(Here);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(128)
        .max_header_list_size(16_384)
        .max_pending_accept_reset_streams(20)
        .max_local_error_reset_streams(64)
        .initial_stream_window_size(65_535)
        .initial_connection_window_size(65_535)
        .max_send_buf_size(65_536)
        .keep_alive_interval(Duration::from_secs(75))
        .keep_alive_timeout(Duration::from_secs(5));
    builder
}

/// An executor that runs the tasks of a connection on this thread.
#[derive(Clone)]
struct Here;

impl<F: Future + 'static> hyper::rt::Executor<F> for Here {
    fn execute(&self, future: F) {
        actix_web::rt::spawn(async move { drop(future.await) });
    }
}

async fn wait() -> bool {
    let (_teller, told) = tokio::sync::oneshot::channel::<()>();
    tokio::time::timeout(Duration::from_secs(300), told).await.is_ok()
}

async fn answer(Json(message): Json<Message>) -> HttpResponse {
    let methods = message.methods.into_iter().rev().collect();
    HttpResponse::Ok().json(Message { expires_at: message.expires_at + 1, methods, ..message })
}

/// Measures the processor time of one P-256 check on this thread, in microseconds. The key is
/// parsed before the measurement.
///
/// # Errors
/// If the kernel does not report processor time.
///
/// # Panics
/// If the library generates no key, or rejects its own signature.
pub fn verification_us(times: u32) -> io::Result<f64> {
    let random = SystemRandom::new();
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("it makes keys");
    let message = [b'c'; 32];
    let signature = pair.sign(&random, &message).expect("it signs");
    let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, pair.public_key().as_ref());
    let key = key.expect("it reads its own keys");
    let start = cpu::of_this_thread()?;
    for _ in 0..times {
        let verified = key.verify_sig(std::hint::black_box(&message), signature.as_ref());
        verified.expect("its own signature verifies");
    }
    Ok((cpu::of_this_thread()? - start) / f64::from(times))
}

/// Measures the processor time per check of an Ed25519 batch of 64 on this thread, in microseconds.
/// The keys are parsed before the measurement.
///
/// # Errors
/// If the kernel does not report processor time.
///
/// # Panics
/// If the core rejects valid signatures.
pub fn batched_verification_us(times: u32) -> io::Result<f64> {
    let checks: Vec<_> = (0..BATCH).map(|_| check()).collect();
    let mut coefficients = [[0; 16]; BATCH];
    let batches = times.div_ceil(BATCH as u32);
    let start = cpu::of_this_thread()?;
    for _ in 0..batches {
        SystemEntropy.fill(coefficients.as_flattened_mut());
        verify_batch(std::hint::black_box(&checks), &coefficients).expect("all are good");
    }
    Ok((cpu::of_this_thread()? - start) / (f64::from(batches) * BATCH as f64))
}

/// Builds a check with a new key.
fn check() -> Check {
    let software = SoftwareKey::generate(Algorithm::Ed25519);
    let message = software.thumbprint().as_bytes().to_vec();
    let key = PublicKey::from_spki(Algorithm::Ed25519, software.spki()).expect("a good key");
    let signature = software.sign(&message);
    Check::new(key, message, signature)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn the_bare_route_answers_what_it_was_sent_in_a_body_of_about_300_bytes() {
        let app = App::new().route("/json", web::post().to(answer));
        let app = actix_web::test::init_service(app).await;
        let request = actix_web::test::TestRequest::post().uri("/json");
        let request = request.set_json(Message::sample()).to_request();
        let body = actix_web::test::call_and_read_body(&app, request).await;
        assert!((250..=350).contains(&body.len()), "{} bytes", body.len());
        assert!(body.starts_with(br#"{"userId":"load-4711-17""#));
    }
}
