//! Steps of a sign-in. Each checks that its request succeeds.

use serde_json::{Value, json};

use super::{Call, Device, Server};

/// Prefix of the device's routes.
pub(crate) const PUSH: &str = "/client/user-authenticators/push";

/// Keys of a response about an enrolled key.
pub(crate) const CREDENTIAL: [&str; 6] =
    ["algorithm", "lastVerifiedAt", "signing", "userAuthenticatorId", "userId", "verifiedAt"];

impl Server {
    /// Tracks the action `signIn` of a user, and returns the response.
    pub(crate) async fn track(&self, user: &str, body: Value) -> Value {
        self.post(&format!("/users/{user}/actions/signIn")).secret().json(&body).ok().await
    }

    /// Tracks the action `signIn` of a user, and returns the token.
    pub(crate) async fn token(&self, user: &str) -> String {
        text(&self.track(user, json!({})).await["token"])
    }

    /// Enrolls a device, and returns the authenticator's id.
    pub(crate) async fn enroll(&self, user: &str, device: &Device) -> String {
        let token = self.track(user, json!({ "scope": "add:authenticators" })).await;
        let call = self.post(PUSH).bearer(&text(&token["token"])).json(&device.enrollment());
        text(&call.ok().await["userAuthenticatorId"])
    }

    /// Starts a challenge, and returns its id.
    pub(crate) async fn challenge(&self, token: &str) -> String {
        let started = self.post("/client/challenge/push").bearer(token).json(&json!({}));
        text(&started.ok().await["challengeId"])
    }

    /// Reads the state of a challenge.
    pub(crate) async fn outcome(&self, token: &str, challenge: &str) -> Value {
        self.verify(token, challenge).ok().await
    }

    pub(crate) fn verify(&self, token: &str, challenge: &str) -> Call {
        let body = json!({ "challengeId": challenge });
        self.post("/client/verify/push").bearer(token).json(&body)
    }

    pub(crate) fn cancel(&self, token: &str, challenge: &str) -> Call {
        let body = json!({ "challengeId": challenge });
        self.post("/client/cancel/push").bearer(token).json(&body)
    }

    pub(crate) fn validate(&self, token: &str) -> Call {
        self.post("/validate").secret().json(&json!({ "token": token }))
    }

    pub(crate) fn pending(&self, device: &Device) -> Call {
        let call = self.get(&format!("{PUSH}/challenge?{}", device.query()));
        call.header("Authorization", &device.basic("demo"))
    }

    /// Requests a nonce for a signed read.
    pub(crate) async fn nonce(&self, device: &Device) -> String {
        let call = self.post(&format!("{PUSH}/challenge/sign?{}", device.query()));
        text(&call.header("Authorization", &device.basic("demo")).ok().await["message"])
    }

    /// Reads the pending challenges with a signature.
    pub(crate) async fn signed_pending(&self, device: &Device) -> Value {
        let signature = device.sign(&self.nonce(device).await);
        self.pending(device).header("X-Authsignal-Signature", &signature).ok().await
    }

    pub(crate) fn decide(&self, device: &Device, challenge: &str, approved: bool) -> Call {
        self.answer(device, &device.decision(challenge, approved))
    }

    /// Makes the request that sends an answer to a challenge. The body may be any, signed by any
    /// key.
    pub(crate) fn answer(&self, device: &Device, body: &Value) -> Call {
        let call = self.post(&format!("{PUSH}/challenge"));
        call.header("Authorization", &device.basic("demo")).json(body)
    }
}

/// A server on which user `u-1` has a phone, and a pending challenge for a sign-in.
pub(crate) struct SignIn {
    pub(crate) server: Server,
    pub(crate) device: Device,
    pub(crate) authenticator: String,
    pub(crate) token: String,
    pub(crate) challenge: String,
}

impl SignIn {
    pub(crate) async fn start() -> Self {
        Self::on(Server::start(), Device::new()).await
    }

    pub(crate) async fn on(server: Server, device: Device) -> Self {
        let authenticator = server.enroll("u-1", &device).await;
        let token = server.token("u-1").await;
        let challenge = server.challenge(&token).await;
        Self { server, device, authenticator, token, challenge }
    }

    pub(crate) async fn decide(&self, approved: bool) -> Value {
        self.server.decide(&self.device, &self.challenge, approved).ok().await
    }

    pub(crate) async fn outcome(&self) -> Value {
        self.server.outcome(&self.token, &self.challenge).await
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}
