//! The calls that a relying party, a browser and a device make.

use std::sync::Arc;

use countersign_wire::authenticator::AuthenticatorItem;
use countersign_wire::basic;
use countersign_wire::challenge::{
    PushChallengeRequest, PushChallengeResponse, VerifyRequest, VerifyResponse,
};
use countersign_wire::device::{
    AnswerRequest, AnswerResponse, CredentialResponse, RemoveResponse, TicketResponse,
};
use countersign_wire::secret::Secret;
use countersign_wire::track::{TrackRequest, TrackResponse};
use countersign_wire::validate::{ValidateRequest, ValidateResponse};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Client, Method, RequestBuilder};
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;

use crate::phone::Phone;
use crate::server::{SECRET, TENANT};

const PUSH: &str = "/client/user-authenticators/push";

/// Why there is no answer that means yes.
#[derive(Debug)]
pub(crate) enum Failed {
    /// The server is gone; nobody knows whether it did its work.
    Gone,
    /// It answered with this status.
    Status(u16, String),
}

pub(crate) type Answer<T> = Result<T, Failed>;

/// Calls a server and counts the steps that it acknowledges.
#[derive(Clone)]
pub(crate) struct Caller {
    client: Client,
    url: String,
    acknowledged: Option<Arc<Semaphore>>,
}

impl Caller {
    pub(crate) fn new(url: &str, acknowledged: Option<Arc<Semaphore>>) -> Self {
        let client = Client::builder().no_proxy().build().unwrap();
        Self { client, url: format!("{url}/v1"), acknowledged }
    }

    pub(crate) async fn track(&self, user: &str) -> Answer<TrackResponse> {
        let key = Some("k-1".to_owned());
        let body = TrackRequest { idempotency_key: key, ..TrackRequest::default() };
        let path = format!("/users/{user}/actions/signIn");
        self.send(self.backend(Method::POST, &path).json(&body)).await
    }

    pub(crate) async fn authenticators(&self, user: &str) -> Answer<Vec<AuthenticatorItem>> {
        self.send(self.backend(Method::GET, &format!("/users/{user}/authenticators"))).await
    }

    /// Reads the action that is tracked for a user.
    pub(crate) async fn action(&self, user: &str) -> Answer<serde_json::Value> {
        self.send(self.backend(Method::GET, &format!("/users/{user}/actions/signIn/k-1"))).await
    }

    pub(crate) async fn validate(&self, token: &str) -> Answer<ValidateResponse> {
        let token = Some(Secret::new(token));
        let body = ValidateRequest { token, action: None, user_id: None };
        self.send(self.backend(Method::POST, "/validate").json(&body)).await
    }

    pub(crate) async fn challenge(&self, token: &str) -> Answer<PushChallengeResponse> {
        let body = PushChallengeRequest::default();
        self.send(self.browser(token, "/client/challenge/push").json(&body)).await
    }

    pub(crate) async fn verify(
        &self,
        token: &str,
        challenge: &str,
        wait_seconds: Option<u8>,
    ) -> Answer<VerifyResponse> {
        let body = VerifyRequest { challenge_id: challenge.to_owned() };
        let mut request = self.browser(token, "/client/verify/push").json(&body);
        if let Some(seconds) = wait_seconds {
            request = request.header("Prefer", format!("wait={seconds}"));
        }
        self.send(request).await
    }

    pub(crate) async fn enroll(&self, token: &str, phone: &Phone) -> Answer<CredentialResponse> {
        self.send(self.browser(token, PUSH).json(&phone.enroll())).await
    }

    pub(crate) async fn ticket(&self, token: &str) -> Answer<TicketResponse> {
        self.send(self.browser(token, &format!("{PUSH}/ticket"))).await
    }

    pub(crate) async fn credential(&self, phone: &Phone) -> Answer<CredentialResponse> {
        let key = phone.query();
        let key = utf8_percent_encode(&key, NON_ALPHANUMERIC);
        self.send(self.device(Method::GET, &format!("?publicKey={key}"))).await
    }

    pub(crate) async fn decide(
        &self,
        phone: &Phone,
        challenge: &str,
        approved: bool,
    ) -> Answer<AnswerResponse> {
        self.answer(&phone.answer(challenge, approved)).await
    }

    pub(crate) async fn answer(&self, body: &AnswerRequest) -> Answer<AnswerResponse> {
        self.send(self.device(Method::POST, "/challenge").json(body)).await
    }

    pub(crate) async fn remove(&self, phone: &Phone) -> Answer<RemoveResponse> {
        self.send(self.device(Method::POST, "/remove").json(&phone.remove())).await
    }

    fn backend(&self, method: Method, path: &str) -> RequestBuilder {
        let basic = format!("Basic {}", basic::encode_standard(SECRET));
        self.request(method, path).header("Authorization", basic)
    }

    fn device(&self, method: Method, path: &str) -> RequestBuilder {
        let basic = format!("Basic {}", basic::encode_standard(TENANT));
        self.request(method, &format!("{PUSH}{path}")).header("Authorization", basic)
    }

    fn browser(&self, token: &str, path: &str) -> RequestBuilder {
        self.request(Method::POST, path).bearer_auth(token)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    async fn send<T: DeserializeOwned>(&self, request: RequestBuilder) -> Answer<T> {
        let response = request.send().await.map_err(|_| Failed::Gone)?;
        let status = response.status();
        // Half an answer is none.
        let body = response.bytes().await.map_err(|_| Failed::Gone)?;
        if !status.is_success() {
            let text = String::from_utf8_lossy(&body).into_owned();
            return Err(Failed::Status(status.as_u16(), text));
        }
        if let Some(acknowledged) = &self.acknowledged {
            acknowledged.add_permits(1);
        }
        Ok(serde_json::from_slice(&body).unwrap())
    }
}
