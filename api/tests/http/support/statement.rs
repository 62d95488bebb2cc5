//! A phone that signs statements. It follows the protocol's documentation, and shares no code with
//! the server.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Call, Device, PUSH, Server};

/// Returns the SHA-256 digest in base64url.
pub(crate) fn digest(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(bytes))
}

/// Statements and bodies of a phone, for tenant `demo` unless another tenant is named.
pub(crate) trait Statements {
    /// Returns the first lines of a statement. Every statement except a decision has them.
    fn head(&self, kind: &str, tenant: &str) -> String;

    /// Returns the body of its enrollment, with a proof over `token`.
    fn statement_enrollment(&self, token: &str) -> Value;

    /// Returns the body that begins a session.
    fn session_opening(&self, nonce: &str) -> Value;

    /// Returns the body that removes the key.
    fn statement_removal(&self, nonce: &str) -> Value;

    /// Returns the body that updates the push token.
    fn statement_update(&self, nonce: &str, push_token: Option<&str>) -> Value;

    /// Returns the text to sign for a decision about the challenge `shown`.
    fn decision_text(&self, shown: &Value, decision: &str, number: Option<&str>) -> String;

    /// Returns the body of a signed decision about the challenge `shown`.
    fn statement(&self, shown: &Value, decision: &str, number: Option<&str>) -> Value;
}

impl Statements for Device {
    fn head(&self, kind: &str, tenant: &str) -> String {
        format!("countersign/{kind}/v1\ntenant:{tenant}\nkey:{}", digest(self.spki()))
    }

    fn statement_enrollment(&self, token: &str) -> Value {
        let text = format!("{}\ntoken:{}", self.head("enroll", "demo"), digest(token.as_bytes()));
        let mut body = self.enrollment();
        body["signing"] = "statement-v1".into();
        body["signatureFormat"] = self.format().into();
        body["proof"] = self.sign(&text).into();
        body
    }

    fn session_opening(&self, nonce: &str) -> Value {
        let text = format!("{}\nnonce:{nonce}", self.head("session", "demo"));
        json!({ "publicKey": self.public_key(), "nonce": nonce, "signature": self.sign(&text) })
    }

    fn statement_removal(&self, nonce: &str) -> Value {
        let text = format!("{}\nnonce:{nonce}", self.head("remove", "demo"));
        json!({ "publicKey": self.public_key(), "nonce": nonce, "signature": self.sign(&text) })
    }

    fn statement_update(&self, nonce: &str, push_token: Option<&str>) -> Value {
        let over = push_token.map_or_else(|| "-".to_owned(), |t| digest(t.as_bytes()));
        let text = format!("{}\nnonce:{nonce}\npush-token:{over}", self.head("update", "demo"));
        let mut body = json!({ "publicKey": self.public_key(), "nonce": nonce });
        body["signature"] = self.sign(&text).into();
        if let Some(token) = push_token {
            body["pushToken"] = token.into();
        }
        body
    }

    fn decision_text(&self, shown: &Value, decision: &str, number: Option<&str>) -> String {
        let text = |name: &str| shown[name].as_str().expect("it is shown").to_owned();
        format!(
            "countersign/decision/v1\ntenant:demo\nchallenge:{}\nnonce:{}\nauthenticator:{}\n\
             key:{}\ndecision:{decision}\ndisplay:{}\nnumber:{}\nexpires:{}",
            text("challengeId"),
            text("nonce"),
            text("userAuthenticatorId"),
            digest(self.spki()),
            digest(text("display").as_bytes()),
            number.unwrap_or("-"),
            shown["expiresAt"],
        )
    }

    fn statement(&self, shown: &Value, decision: &str, number: Option<&str>) -> Value {
        let signature = self.sign(&self.decision_text(shown, decision, number));
        json!({
            "publicKey": self.public_key(), "challengeId": shown["challengeId"],
            "decision": decision, "verificationCode": number, "signature": signature,
        })
    }
}

impl Server {
    /// Enrolls a device that signs statements, and returns the authenticator's id.
    pub(crate) async fn enroll_stated(&self, user: &str, device: &Device) -> String {
        let scope = json!({ "scope": "add:authenticators" });
        let token = self.track(user, scope).await["token"].as_str().expect("a text").to_owned();
        let call = self.post(PUSH).bearer(&token).json(&device.statement_enrollment(&token));
        call.ok().await["userAuthenticatorId"].as_str().expect("a text").to_owned()
    }

    /// Requests a nonce for a statement.
    pub(crate) async fn statement_nonce(&self, device: &Device) -> String {
        let body = json!({ "publicKey": device.public_key() });
        let call = self.post(&format!("{PUSH}/session/nonce")).tenant().json(&body);
        call.ok().await["nonce"].as_str().expect("a text").to_owned()
    }

    /// Begins a device session, and returns its token.
    pub(crate) async fn session(&self, device: &Device) -> String {
        let nonce = self.statement_nonce(device).await;
        let call = self.open_session(&device.session_opening(&nonce));
        call.ok().await["token"].as_str().expect("a text").to_owned()
    }

    pub(crate) fn open_session(&self, body: &Value) -> Call {
        self.post(&format!("{PUSH}/session")).tenant().json(body)
    }

    /// Makes the request that reads the pending challenges with a device session.
    pub(crate) fn read(&self, session: &str) -> Call {
        self.get(&format!("{PUSH}/challenge")).bearer(session)
    }
}

/// A server on which user `u-1` has a phone that signs statements, and a pending challenge for a
/// sign-in.
pub(crate) struct Stated {
    pub(crate) server: Server,
    pub(crate) device: Device,
    pub(crate) authenticator: String,
    pub(crate) token: String,
    pub(crate) challenge: String,
    pub(crate) session: String,
}

impl Stated {
    pub(crate) async fn start() -> Self {
        Self::on(Server::start(), Device::ed25519()).await
    }

    pub(crate) async fn on(server: Server, device: Device) -> Self {
        let authenticator = server.enroll_stated("u-1", &device).await;
        let token = server.token("u-1").await;
        let challenge = server.challenge(&token).await;
        let session = server.session(&device).await;
        Self { server, device, authenticator, token, challenge, session }
    }

    /// Reads the challenge that the phone shows.
    pub(crate) async fn shown(&self) -> Value {
        self.server.read(&self.session).ok().await
    }

    /// Makes the request that sends an answer to the challenge.
    pub(crate) fn send(&self, body: &Value) -> Call {
        self.server.answer(&self.device, body)
    }

    /// Reads the state of the challenge.
    pub(crate) async fn outcome(&self) -> Value {
        self.server.outcome(&self.token, &self.challenge).await
    }
}
