//! Requests of a relying party, a browser and a device. The successful ones are counted.

use std::sync::Arc;

use countersign_client::wire::authenticator::AuthenticatorItem;
use countersign_client::wire::challenge::{
    PushChallengeRequest, PushChallengeResponse, VerifyResponse,
};
use countersign_client::wire::device::{
    AnswerResponse, CredentialResponse, RemoveResponse, TicketResponse,
};
use countersign_client::wire::secret::Secret;
use countersign_client::wire::track::{TrackRequest, TrackResponse};
use countersign_client::wire::validate::{ValidateRequest, ValidateResponse};
use countersign_client::{
    Browser, ClientError, Device, Dialect, Enrollment, Http, RelyingParty, SoftwareKey,
};
use countersign_core::signature::Algorithm;
use countersign_engine::ports::Clock as _;
use countersign_engine::system::SystemClock;
use tokio::sync::Semaphore;

use crate::server::{SECRET, TENANT};

/// Reason why a request did not succeed.
#[derive(Debug)]
pub(crate) enum Failed {
    /// The server is gone. It may or may not have carried out the request.
    Gone,
    /// The server refused the request with this status.
    Status(u16, String),
}

impl From<ClientError> for Failed {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Refused { status, description, .. } => Self::Status(status, description),
            // An incomplete response counts as no response.
            ClientError::Transport(_) => Self::Gone,
            ClientError::Protocol(_) | ClientError::Input(_) => panic!("{error}"),
        }
    }
}

pub(crate) type Answer<T> = Result<T, Failed>;

/// Makes the key of a phone, of the kind that official apps use.
pub(crate) fn phone() -> SoftwareKey {
    SoftwareKey::generate(Algorithm::Es256)
}

/// A client of all APIs. It counts the steps that the server acknowledges.
#[derive(Clone)]
pub(crate) struct Caller {
    http: Http,
    url: String,
    backend: RelyingParty,
    acknowledged: Option<Arc<Semaphore>>,
}

impl Caller {
    pub(crate) fn new(url: &str, acknowledged: Option<Arc<Semaphore>>) -> Self {
        let (http, url) = (Http::new().unwrap(), format!("{url}/v1"));
        let backend = RelyingParty::new(http.clone(), &url, SECRET).unwrap();
        Self { http, url, backend, acknowledged }
    }

    pub(crate) async fn track(&self, user: &str) -> Answer<TrackResponse> {
        let key = Some("k-1".to_owned());
        let body = TrackRequest { idempotency_key: key, ..TrackRequest::default() };
        self.counted(self.backend.track(user, "signIn", &body)).await
    }

    pub(crate) async fn authenticators(&self, user: &str) -> Answer<Vec<AuthenticatorItem>> {
        self.counted(self.backend.authenticators(user)).await
    }

    /// Checks that the action of a user exists.
    pub(crate) async fn action(&self, user: &str) -> Answer<()> {
        self.counted(self.backend.get_action(user, "signIn", "k-1")).await.map(drop)
    }

    pub(crate) async fn validate(&self, token: &str) -> Answer<ValidateResponse> {
        let token = Some(Secret::new(token));
        let body = ValidateRequest { token, action: None, user_id: None };
        self.counted(self.backend.validate(&body)).await
    }

    pub(crate) async fn challenge(&self, token: &str) -> Answer<PushChallengeResponse> {
        let body = PushChallengeRequest::default();
        self.counted(self.browser(token).challenge_push(&body)).await
    }

    pub(crate) async fn verify(
        &self,
        token: &str,
        challenge: &str,
        wait_seconds: Option<u64>,
    ) -> Answer<VerifyResponse> {
        self.counted(self.browser(token).verify_push(challenge, wait_seconds)).await
    }

    pub(crate) async fn ticket(&self, token: &str) -> Answer<TicketResponse> {
        self.counted(self.browser(token).make_ticket()).await
    }

    pub(crate) async fn enroll(
        &self,
        token: &str,
        phone: &SoftwareKey,
    ) -> Answer<CredentialResponse> {
        self.counted(self.device(phone).enroll(token, &Enrollment::default())).await
    }

    pub(crate) async fn credential(&self, phone: &SoftwareKey) -> Answer<CredentialResponse> {
        self.counted(self.device(phone).get_credential()).await
    }

    pub(crate) async fn decide(
        &self,
        phone: &SoftwareKey,
        challenge: &str,
        approved: bool,
    ) -> Answer<AnswerResponse> {
        self.counted(self.device(phone).answer(challenge, approved, None)).await
    }

    /// Approves a challenge with a number.
    pub(crate) async fn approve(
        &self,
        phone: &SoftwareKey,
        challenge: &str,
        number: &str,
    ) -> Answer<AnswerResponse> {
        self.counted(self.device(phone).answer(challenge, true, Some(number))).await
    }

    pub(crate) async fn remove(&self, phone: &SoftwareKey) -> Answer<RemoveResponse> {
        self.counted(self.device(phone).remove(SystemClock.now())).await
    }

    fn device(&self, phone: &SoftwareKey) -> Device {
        let (http, key) = (self.http.clone(), phone.clone());
        Device::new(http, &self.url, TENANT, Dialect::Android, key).unwrap()
    }

    fn browser(&self, token: &str) -> Browser {
        Browser::new(self.http.clone(), &self.url, token).unwrap()
    }

    async fn counted<T>(&self, call: impl Future<Output = Result<T, ClientError>>) -> Answer<T> {
        let answer = call.await?;
        if let Some(acknowledged) = &self.acknowledged {
            acknowledged.add_permits(1);
        }
        Ok(answer)
    }
}
