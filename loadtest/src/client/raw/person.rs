//! The request bytes of one user: of their phone, their browser and the backend.

use std::io;

use countersign_client::SoftwareKey;
use countersign_client::wire::{basic, publickey};
use countersign_core::signature::Algorithm;

use super::connection::{Answer, Connection};

/// Path of the browser's poll.
pub const POLL: &str = "/v1/client/verify/push";

/// Path at which phones enroll, and the prefix of the paths at which they read and answer.
pub const DEVICES: &str = "/v1/client/user-authenticators/push";

/// Authorization headers of a tenant's backend and devices.
#[derive(Clone, Debug)]
pub struct Callers {
    backend: String,
    device: String,
}

impl Callers {
    /// Builds the headers of a tenant from its id and its secret.
    pub fn new(tenant: &str, secret: &str) -> Self {
        let basic = |name| format!("Basic {}", basic::encode_standard(name));
        Self { backend: basic(secret), device: basic(tenant) }
    }
}

/// A user with an enrolled key.
pub struct Person {
    callers: Callers,
    key: SoftwareKey,
    track: Vec<u8>,
    nonce: Vec<u8>,
}

impl Person {
    /// Enrolls a user of that name with a new P-256 key.
    ///
    /// # Errors
    /// If the connection breaks, or if the server rejects a request.
    pub async fn enroll(
        callers: Callers,
        name: &str,
        connection: &mut Connection,
    ) -> io::Result<Self> {
        let key = SoftwareKey::generate(Algorithm::Es256);
        let query = publickey::encode_query_ios(key.spki());
        let path = |action| format!("/v1/users/{name}/actions/{action}");
        let track = post(&path("signIn"), &callers.backend, "{}");
        let nonce = format!("{DEVICES}/challenge/sign?publicKey={query}");
        let nonce = post(&nonce, &callers.device, "{}");
        let tracked = connection.call(&post(&path("enroll"), &callers.backend, "{}")).await?;
        let token = format!("Bearer {}", expect(&tracked, "token")?);
        let body = publickey::encode_body(key.spki());
        let body = format!("{{\"publicKey\":\"{body}\",\"devicePlatform\":\"ios\"}}");
        let enrolled = connection.call(&post(DEVICES, &token, &body)).await?;
        expect(&enrolled, "userAuthenticatorId")?;
        Ok(Self { callers, key, track, nonce })
    }

    /// Returns the public key in the encoding of a request body.
    pub fn public_key(&self) -> String {
        publickey::encode_body(self.key.spki())
    }

    /// Returns the request with which the backend tracks a sign-in.
    pub fn track(&self) -> &[u8] {
        &self.track
    }

    /// Returns the request with which the browser starts a challenge.
    pub fn start(token: &str) -> Vec<u8> {
        post("/v1/client/challenge/push", &format!("Bearer {token}"), "{}")
    }

    /// Tracks a sign-in and starts its challenge. Returns the token and the challenge's id.
    ///
    /// # Errors
    /// If the connection breaks, or if the server rejects a request.
    pub async fn begin(&self, connection: &mut Connection) -> io::Result<(String, String)> {
        let tracked = connection.call(&self.track).await?;
        let token = expect(&tracked, "token")?.to_owned();
        let started = connection.call(&Self::start(&token)).await?;
        Ok((token, expect(&started, "challengeId")?.to_owned()))
    }

    /// Returns the request with which the phone asks for a nonce.
    pub fn nonce(&self) -> &[u8] {
        &self.nonce
    }

    /// Returns the request with which the phone reads the pending challenge. `message` is the
    /// nonce, which it signs.
    pub fn read(&self, message: &str) -> Vec<u8> {
        let query = publickey::encode_query_ios(self.key.spki());
        let (device, signature) = (&self.callers.device, self.sign(message));
        format!(
            "GET {DEVICES}/challenge?publicKey={query} HTTP/1.1\r\nhost: x\r\n\
             authorization: {device}\r\nx-authsignal-signature: {signature}\r\n\r\n"
        )
        .into_bytes()
    }

    /// Returns the request with which the phone approves a challenge.
    pub fn approve(&self, challenge: &str) -> Vec<u8> {
        let key = publickey::encode_body(self.key.spki());
        let signature = self.sign(challenge);
        let body = format!(
            "{{\"publicKey\":\"{key}\",\"challengeId\":\"{challenge}\",\
             \"signature\":\"{signature}\",\"approved\":true}}"
        );
        post(&format!("{DEVICES}/challenge"), &self.callers.device, &body)
    }

    /// Returns the request with which the browser polls a challenge. With `wait` the server holds
    /// it for up to that many seconds.
    pub fn verify(token: &str, challenge: &str, wait: Option<u32>) -> Vec<u8> {
        let wait = wait.map(|seconds| format!("\r\nprefer: wait={seconds}")).unwrap_or_default();
        let body = format!("{{\"challengeId\":\"{challenge}\"}}");
        post(POLL, &format!("Bearer {token}{wait}"), &body)
    }

    /// Returns the request with which the backend validates the browser's token.
    pub fn validate(&self, token: &str) -> Vec<u8> {
        post("/v1/validate", &self.callers.backend, &format!("{{\"token\":\"{token}\"}}"))
    }

    fn sign(&self, text: &str) -> String {
        publickey::encode_signature(&self.key.sign(text.as_bytes()))
    }
}

/// Returns the text of a member that the response has to have.
///
/// # Errors
/// If the member is missing.
pub fn expect<'a>(answer: &'a Answer, field: &str) -> io::Result<&'a str> {
    let text = || format!("{field} is missing: {} {}", answer.status, answer.body);
    answer.field(field).ok_or_else(|| io::Error::other(text()))
}

/// Builds a POST request with a JSON body.
pub(crate) fn post(path: &str, authorization: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: {authorization}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}
