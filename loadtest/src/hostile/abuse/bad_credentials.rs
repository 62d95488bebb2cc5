//! Requests with invalid credentials, which anybody can send.

use std::sync::Arc;

use countersign_client::SoftwareKey;
use countersign_client::wire::{basic, publickey};
use countersign_core::signature::Algorithm;

use super::super::attack_context::{AttackContext, Context, Throttle};
use crate::client::raw::{Connection, DEVICES, POLL, post};

const CONNECTIONS: u64 = 16;
const TOKENS_PER_SECOND: u64 = 2_000;
const SIGNATURES_PER_SECOND: u64 = 1_000;
const NEW_WORK_PER_SECOND: u64 = 2_000;

/// A function that writes the request with this number.
type Write = fn(&AttackContext, u64) -> Vec<u8>;

pub(in super::super) fn tokens_rate() -> String {
    format!("{CONNECTIONS} connections, {TOKENS_PER_SECOND} requests a second")
}

pub(in super::super) async fn tokens(context: Context) {
    calls(context, TOKENS_PER_SECOND, token).await;
}

/// Writes a request with one of three tokens in turn: garbage, a valid token with a wrong
/// signature, or 4,000 bytes.
fn token(context: &AttackContext, number: u64) -> Vec<u8> {
    let good = context.order.waits.first().map_or("a.b.c", |wait| wait.token.reveal());
    let token = match number % 3 {
        0 => format!("hostile-{number}"),
        1 => {
            let (signed, _) = good.rsplit_once('.').unwrap_or((good, ""));
            format!("{signed}.{number:043}")
        }
        _ => "a".repeat(4_000),
    };
    let path = if number.is_multiple_of(2) { POLL } else { "/v1/client/challenge/push" };
    post(path, &format!("Bearer {token}"), "{\"challengeId\":\"none\"}")
}

pub(in super::super) fn signatures_rate() -> String {
    format!("{CONNECTIONS} connections, {SIGNATURES_PER_SECOND} decisions a second")
}

pub(in super::super) async fn signatures(context: Context) {
    let key = SoftwareKey::generate(Algorithm::Es256);
    let all = (0..64_u8).map(|n| publickey::encode_signature(&key.sign(&[n]))).collect::<Vec<_>>();
    let stranger = publickey::encode_body(key.spki());
    let decision = move |context: &AttackContext, number: u64| {
        let victim = &context.order.victim;
        let known = number.is_multiple_of(2);
        let key = if known { &victim.public_key } else { &stranger };
        let signature = &all[number as usize / 2 % all.len()];
        let body = format!(
            "{{\"publicKey\":\"{key}\",\"challengeId\":\"{}\",\"signature\":\"{signature}\",\
             \"approved\":true}}",
            victim.challenge
        );
        let device = format!("Basic {}", basic::encode_standard(&context.order.tenant));
        post(&format!("{DEVICES}/challenge"), &device, &body)
    };
    calls(context, SIGNATURES_PER_SECOND, decision).await;
}

pub(in super::super) fn new_work_rate() -> String {
    format!("{CONNECTIONS} connections, {NEW_WORK_PER_SECOND} requests a second")
}

pub(in super::super) async fn new_work(context: Context) {
    let write: Write = |_, number| {
        if number.is_multiple_of(2) {
            let secret = format!("Basic {}", basic::encode_standard(&format!("guess-{number}")));
            return post(&format!("/v1/users/u{number}/actions/signIn"), &secret, "{}");
        }
        let body = "{\"publicKey\":\"AAAA\",\"devicePlatform\":\"ios\"}";
        post(DEVICES, "Bearer guess", body)
    };
    calls(context, NEW_WORK_PER_SECOND, write).await;
}

/// Sends requests over connections that stay open. Each connection sends its next request after the
/// response to the previous one.
async fn calls(
    context: Context,
    per_second: u64,
    write: impl Fn(&AttackContext, u64) -> Vec<u8> + Send + Sync + 'static,
) {
    let write = Arc::new(write);
    let mut lanes = tokio::task::JoinSet::new();
    for lane in 0..CONNECTIONS {
        let (context, write) = (context.clone(), write.clone());
        lanes.spawn(async move {
            let mut throttle = Throttle::new(per_second / CONNECTIONS);
            let mut connection = Connection::to(context.order.address).from(context.source());
            for turn in 0.. {
                throttle.turns(1).await;
                let request = write(&context, turn * CONNECTIONS + lane);
                match connection.call(&request).await {
                    Ok(answer) => context.called(request.len(), answer.body.len()),
                    Err(_) => connection.close(),
                }
            }
        });
    }
    while lanes.join_next().await.is_some() {}
}
