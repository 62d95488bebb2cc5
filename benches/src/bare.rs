//! The parts that a lifecycle is compared with: a bare JSON request and a bare signature check.

use std::io::{self, Write as _};
use std::time::Duration;

use actix_web::web::{self, Json};
use actix_web::{App, HttpResponse, HttpServer};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _,
    ParsedPublicKey,
};
use serde::{Deserialize, Serialize};

use crate::cpu;

/// A body of about 300 bytes.
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
    /// One with something in every field.
    #[must_use]
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

/// Serves one route that reads a [`Message`] and answers one, until the process is ended. It says
/// first where it listens. Its connections are kept as those of `countersign` are.
///
/// # Errors
/// If it cannot listen.
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

/// Serves a route that waits on a channel that nobody answers, until the process is ended. It says
/// first where it listens.
///
/// # Errors
/// If it cannot listen.
pub fn park() -> io::Result<()> {
    actix_web::rt::System::new().block_on(async {
        let app = || {
            App::new()
                .route("/park", web::get().to(wait))
                .route("/warm", web::get().to(HttpResponse::Ok))
        };
        let server = HttpServer::new(app).workers(1).bind(("127.0.0.1", 0))?;
        for address in server.addrs() {
            writeln!(io::stdout(), "{address}")?;
        }
        server.run().await
    })
}

async fn wait() -> HttpResponse {
    let (_teller, told) = tokio::sync::oneshot::channel::<()>();
    let in_time = tokio::time::timeout(Duration::from_secs(300), told).await;
    HttpResponse::Ok().json(in_time.is_ok())
}

async fn answer(Json(message): Json<Message>) -> HttpResponse {
    let methods = message.methods.into_iter().rev().collect();
    HttpResponse::Ok().json(Message { expires_at: message.expires_at + 1, methods, ..message })
}

/// Microseconds of processor time that one P-256 check takes, on this thread, with the key parsed
/// before.
///
/// # Errors
/// If the kernel does not count processor time.
///
/// # Panics
/// If the library makes no key, or does not accept its own signature.
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
