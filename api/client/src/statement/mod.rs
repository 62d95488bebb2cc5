//! A device that signs statements (`statement-v1`) about the displayed text and the person's
//! decision.

mod display;
mod prompt;
mod rows;

use std::sync::{Arc, Mutex, PoisonError};

use countersign_core::device::Signing;
use countersign_core::id::TenantId;
use countersign_core::nonce::Nonce;
use countersign_core::outcome::Decision;
use countersign_core::signature::SignatureFormat;
use countersign_core::statement::{Digest, Statement};
use countersign_wire::basic;
use countersign_wire::device::{
    AnswerRequest, AnswerResponse, CredentialResponse, EnrollRequest, RemoveRequest,
    RemoveResponse, SessionNonceRequest, SessionNonceResponse, SessionRequest, SessionResponse,
    UpdateRequest, UpdateResponse,
};
use countersign_wire::paths::device as paths;
use countersign_wire::pending::PendingResponse;
use countersign_wire::publickey::{encode_body, encode_signature};
use countersign_wire::secret::Secret;
use reqwest::header::HeaderValue;
use reqwest::{Method, RequestBuilder};
use serde::de::DeserializeOwned;

use crate::api::{Api, Http, authorization, send, waiting};
use crate::device::Enrollment;
use crate::error::ClientError;
use crate::key::SoftwareKey;

pub use display::{Display, InvalidDisplay};
pub use prompt::{Choice, Prompt, Unreadable};
pub use rows::{Row, rows};

/// A device that signs statements, with its key. The key may or may not be enrolled.
///
/// It reads with a device session: it signs once, and then sends the session's bearer token. It
/// stores the token, and begins a new session if the server rejects the token. Clones share the
/// session.
#[derive(Clone, Debug)]
pub struct StatementDevice {
    api: Api,
    tenant: TenantId,
    authorization: HeaderValue,
    key: SoftwareKey,
    format: SignatureFormat,
    session: Arc<Mutex<Option<HeaderValue>>>,
}

impl StatementDevice {
    /// Makes the client of a device of `tenant` at the server `base`. Its signatures have the
    /// format `format`.
    ///
    /// # Errors
    /// [`ClientError::Input`] if the address is not an HTTP URL, if the tenant's id is not valid,
    /// or if the key's algorithm does not support the format.
    pub fn new(
        http: Http,
        base: &str,
        tenant: &str,
        format: SignatureFormat,
        key: SoftwareKey,
    ) -> Result<Self, ClientError> {
        if !key.algorithm().formats().contains(&format) {
            return Err(ClientError::Input("the key does not sign in this format"));
        }
        let wrong = |_| ClientError::Input("this is not the name of a tenant");
        Ok(Self {
            api: Api::new(http, base)?,
            tenant: TenantId::parse(tenant).map_err(wrong)?,
            authorization: authorization("Basic", &basic::encode_standard(tenant))?,
            key,
            format,
            session: Arc::default(),
        })
    }

    /// Returns the device's key.
    #[must_use]
    pub const fn key(&self) -> &SoftwareKey {
        &self.key
    }

    /// Enrolls the key for the user of a token, with a proof that this device holds the key.
    ///
    /// # Errors
    /// [`ClientError`]. It is [`ClientError::Protocol`] if the server does not confirm that it
    /// requires statements of this key from now on.
    pub async fn enroll(
        &self,
        token: &str,
        enrollment: &Enrollment,
    ) -> Result<CredentialResponse, ClientError> {
        let (tenant, key) = (&self.tenant, self.key.thumbprint());
        let proof = self.sign(&Statement::Enroll { tenant, key, token: Digest::of(token) });
        let body = EnrollRequest {
            public_key: self.public_key(),
            device_name: enrollment.name.clone(),
            device_platform: None,
            push_token: enrollment.push_token.clone(),
            algorithm: Some(self.key.algorithm().name().to_owned()),
            signature_format: Some(self.format.name().to_owned()),
            signing: Some(Signing::StatementV1.name().to_owned()),
            proof: Some(proof),
            perform_attestation: None,
        };
        let call = self.call(Method::POST, paths::CREDENTIAL).json(&body);
        let answer: CredentialResponse = send(call, &authorization("Bearer", token)?).await?;
        // A server that does not support a field ignores it, so the response has to confirm the
        // signing mode.
        if answer.signing.as_deref() != Some(Signing::StatementV1.name()) {
            return Err(ClientError::Protocol("it does not ask for statements".to_owned()));
        }
        Ok(answer)
    }

    /// Reads the key's credential.
    ///
    /// # Errors
    /// [`ClientError`]; its code is `invalid_credential` if the key is not enrolled.
    pub async fn get_credential(&self) -> Result<CredentialResponse, ClientError> {
        self.read(|| self.call(Method::GET, paths::CREDENTIAL)).await
    }

    /// Reads the pending challenges. If none is pending, the server holds the request for up to
    /// `wait` seconds. Convert each challenge to a [`Prompt`].
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn pending(&self, wait: Option<u64>) -> Result<PendingResponse, ClientError> {
        self.read(|| waiting(self.call(Method::GET, paths::CHALLENGE), wait)).await
    }

    /// Signs a decision and sends it.
    ///
    /// # Errors
    /// [`ClientError::Input`], with nothing signed, if the displayed action is not the challenge's
    /// action, or if the number is missing, unexpected or has the wrong number of digits. Otherwise
    /// any [`ClientError`].
    pub async fn answer(
        &self,
        prompt: &Prompt,
        choice: &Choice<'_>,
    ) -> Result<AnswerResponse, ClientError> {
        let (statement, number) = prompt.statement(&self.tenant, self.key.thumbprint(), choice)?;
        let body = AnswerRequest {
            public_key: self.public_key(),
            challenge_id: prompt.challenge().as_str().to_owned(),
            signature: self.sign_bytes(&statement),
            approved: Some(choice.decision == Decision::Approve),
            decision: Some(choice.decision.name().to_owned()),
            verification_code: number.map(|number| Secret::new(number.reveal())),
        };
        let call = self.call(Method::POST, paths::CHALLENGE).json(&body);
        send(call, &self.authorization).await
    }

    /// Sends the push notification provider's new token, and proves that the device still has its
    /// key.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn update(&self, push_token: Option<&str>) -> Result<UpdateResponse, ClientError> {
        // The server treats an empty token as an absent one.
        let push_token = push_token.filter(|t| !t.is_empty());
        let nonce = self.nonce().await?;
        let (tenant, key) = (&self.tenant, self.key.thumbprint());
        let digest = push_token.map(Digest::of);
        let statement = Statement::Update { tenant, key, nonce: &nonce, push_token: digest };
        let body = UpdateRequest {
            challenge_id: None,
            nonce: Some(Secret::new(nonce.encoded())),
            public_key: self.public_key(),
            signature: self.sign(&statement),
            push_token: push_token.map(Secret::new),
        };
        send(self.call(Method::PATCH, paths::CREDENTIAL).json(&body), &self.authorization).await
    }

    /// Removes every binding of the key.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn remove(&self) -> Result<RemoveResponse, ClientError> {
        let nonce = self.nonce().await?;
        let (tenant, key) = (&self.tenant, self.key.thumbprint());
        let body = RemoveRequest {
            public_key: self.public_key(),
            nonce: Some(Secret::new(nonce.encoded())),
            signature: self.sign(&Statement::Remove { tenant, key, nonce: &nonce }),
        };
        send(self.call(Method::POST, paths::REMOVE).json(&body), &self.authorization).await
    }

    /// Reads with the stored session. Begins a new session if none is stored, or if the server
    /// rejects the stored one with 401.
    async fn read<T: DeserializeOwned>(
        &self,
        call: impl Fn() -> RequestBuilder,
    ) -> Result<T, ClientError> {
        if let Some(session) = self.kept_session() {
            match send(call(), &session).await {
                Err(error) if error.status() == Some(401) => {}
                answered => return answered,
            }
        }
        let session = self.open_session().await?;
        send(call(), &session).await
    }

    async fn open_session(&self) -> Result<HeaderValue, ClientError> {
        let nonce = self.nonce().await?;
        let (tenant, key) = (&self.tenant, self.key.thumbprint());
        let body = SessionRequest {
            public_key: self.public_key(),
            nonce: Secret::new(nonce.encoded()),
            signature: self.sign(&Statement::Session { tenant, key, nonce: &nonce }),
        };
        let call = self.call(Method::POST, paths::SESSION).json(&body);
        let opened: SessionResponse = send(call, &self.authorization).await?;
        let session = authorization("Bearer", opened.token.reveal())?;
        *self.session.lock().unwrap_or_else(PoisonError::into_inner) = Some(session.clone());
        Ok(session)
    }

    fn kept_session(&self) -> Option<HeaderValue> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn nonce(&self) -> Result<Nonce, ClientError> {
        let body = SessionNonceRequest { public_key: self.public_key() };
        let call = self.call(Method::POST, paths::SESSION_NONCE).json(&body);
        let answer: SessionNonceResponse = send(call, &self.authorization).await?;
        let wrong = |_| ClientError::Protocol("its nonce is none".to_owned());
        Nonce::parse(answer.nonce.reveal()).map_err(wrong)
    }

    fn sign(&self, statement: &Statement<'_>) -> Secret {
        self.sign_bytes(&statement.to_bytes())
    }

    fn sign_bytes(&self, statement: &[u8]) -> Secret {
        let signature = self.key.sign_as(self.format, statement);
        Secret::new(encode_signature(&signature.expect("the format was checked with the key")))
    }

    fn public_key(&self) -> String {
        encode_body(self.key.spki())
    }

    fn call(&self, method: Method, path: &str) -> RequestBuilder {
        self.api.request(method, &format!("{}{path}", paths::BASE), None)
    }
}
