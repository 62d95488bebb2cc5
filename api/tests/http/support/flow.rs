//! The steps of a sign-in, each of them expected to succeed.

use serde_json::{Value, json};

use super::{Call, Device, Server};

/// The base of the device's routes.
pub(crate) const PUSH: &str = "/client/user-authenticators/push";

/// Fields that describe an enrolled key.
pub(crate) const CREDENTIAL: [&str; 6] =
    ["algorithm", "lastVerifiedAt", "signing", "userAuthenticatorId", "userId", "verifiedAt"];

impl Server {
    /// Tracks `signIn` of a user.
    pub(crate) async fn track(&self, user: &str, body: Value) -> Value {
        self.post(&format!("/users/{user}/actions/signIn")).secret().json(&body).ok().await
    }

    /// A fresh token of a user.
    pub(crate) async fn token(&self, user: &str) -> String {
        text(&self.track(user, json!({})).await["token"])
    }

    /// Enrolls a device, and answers the authenticator's id.
    pub(crate) async fn enroll(&self, user: &str, device: &Device) -> String {
        let token = self.track(user, json!({ "scope": "add:authenticators" })).await;
        let call = self.post(PUSH).bearer(&text(&token["token"])).json(&device.enrollment());
        text(&call.ok().await["userAuthenticatorId"])
    }

    /// Starts a challenge.
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

    /// A nonce for a signed read.
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

    /// Sends any answer, signed by anybody.
    pub(crate) fn answer(&self, device: &Device, body: &Value) -> Call {
        let call = self.post(&format!("{PUSH}/challenge"));
        call.header("Authorization", &device.basic("demo")).json(body)
    }
}

/// A server on which a phone of user `u-1` is asked to approve a sign-in.
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
