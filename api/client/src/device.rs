//! Client of the Device API, with the behavior of the official mobile SDKs.

use countersign_core::id::ChallengeId;
use countersign_core::number_match::TypedNumber;
use countersign_core::possession::removal_text_at;
use countersign_core::signature::Algorithm;
use countersign_core::time::UnixMillis;
use countersign_wire::device::{
    AnswerRequest, AnswerResponse, CredentialResponse, EnrollRequest, NonceResponse, RemoveRequest,
    RemoveResponse, UpdateNonceResponse, UpdateRequest, UpdateResponse,
};
use countersign_wire::paths::device as paths;
use countersign_wire::pending::PendingResponse;
use countersign_wire::publickey::encode_body;
use countersign_wire::secret::Secret;
use reqwest::header::{CONTENT_TYPE, HeaderValue, USER_AGENT};
use reqwest::{Method, RequestBuilder};

use crate::api::{Api, Http, authorization, send, waiting};
use crate::dialect::Dialect;
use crate::error::ClientError;
use crate::key::SoftwareKey;

/// Data about the device for its enrollment.
#[derive(Clone, Debug, Default)]
pub struct Enrollment {
    /// The name that the person gave to the device.
    pub name: Option<String>,
    /// Token of the push notification provider.
    pub push_token: Option<Secret>,
}

/// A device with its key. The key may or may not be enrolled.
#[derive(Clone, Debug)]
pub struct Device {
    api: Api,
    tenant: String,
    authorization: HeaderValue,
    dialect: Dialect,
    key: SoftwareKey,
}

impl Device {
    /// Makes the client of a device of `tenant` at the server `base`.
    ///
    /// # Errors
    /// [`ClientError::Input`] if the address is not an HTTP URL, or if the tenant's id has invalid
    /// characters.
    pub fn new(
        http: Http,
        base: &str,
        tenant: &str,
        dialect: Dialect,
        key: SoftwareKey,
    ) -> Result<Self, ClientError> {
        let api = Api::new(http, base)?;
        let authorization = authorization("Basic", &dialect.basic(tenant))?;
        Ok(Self { api, tenant: tenant.to_owned(), authorization, dialect, key })
    }

    /// Returns the device's key.
    #[must_use]
    pub const fn key(&self) -> &SoftwareKey {
        &self.key
    }

    /// Enrolls the key for the user of a token.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn enroll(
        &self,
        token: &str,
        enrollment: &Enrollment,
    ) -> Result<CredentialResponse, ClientError> {
        // The official SDKs support only ES256 and send no algorithm, so this client names only
        // other algorithms.
        let named = Some(self.key.algorithm()).filter(|a| *a != Algorithm::Es256);
        let body = EnrollRequest {
            public_key: self.public_key(),
            device_name: enrollment.name.clone(),
            device_platform: Some(self.dialect.platform()),
            push_token: enrollment.push_token.clone(),
            algorithm: named.map(|a| a.name().to_owned()),
            ..EnrollRequest::default()
        };
        let call = self.call(Method::POST, paths::CREDENTIAL, None);
        let call = self.with_body(call, &body, None)?;
        send(call, &authorization("Bearer", token)?).await
    }

    /// Reads the key's credential.
    ///
    /// # Errors
    /// [`ClientError`]; its code is `invalid_credential` if the key is not enrolled.
    pub async fn get_credential(&self) -> Result<CredentialResponse, ClientError> {
        let query = self.query();
        send(self.call(Method::GET, paths::CREDENTIAL, Some(&query)), &self.authorization).await
    }

    /// Requests a nonce, which the device signs for a read.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn nonce(&self) -> Result<NonceResponse, ClientError> {
        let query = self.query();
        let call = self.call(Method::POST, paths::READ_NONCE, Some(&query));
        send(call, &self.authorization).await
    }

    /// Reads the pending challenge. If none is pending, the server holds the request for up to
    /// `wait` seconds. A signed read first requests a nonce; its response has custom data too.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn pending(
        &self,
        signed: bool,
        wait: Option<u64>,
    ) -> Result<PendingResponse, ClientError> {
        let query = self.query();
        let mut call = self.call(Method::GET, paths::CHALLENGE, Some(&query));
        if signed {
            let nonce = self.nonce().await?.message;
            call = call.header("X-Authsignal-Signature", self.sign_nonce(&nonce)?.reveal());
        }
        send(waiting(call, wait), &self.authorization).await
    }

    /// Answers a challenge. Digits of a number are sent in ASCII, without blanks. Any other text is
    /// sent unchanged, so that the server rejects it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn answer(
        &self,
        challenge: &str,
        approve: bool,
        code: Option<&str>,
    ) -> Result<AnswerResponse, ClientError> {
        if ChallengeId::parse(challenge).is_err() {
            return Err(ClientError::Input("this is not the name of a challenge"));
        }
        let body = AnswerRequest {
            public_key: self.public_key(),
            challenge_id: challenge.to_owned(),
            signature: self.key.sign_text(challenge),
            approved: Some(approve),
            decision: None,
            verification_code: code.map(|code| match TypedNumber::parse(code) {
                Ok(number) => Secret::new(number.reveal()),
                Err(_) => Secret::new(code),
            }),
        };
        let call = self.call(Method::POST, paths::CHALLENGE, None);
        let call = self.with_body(call, &body, Some("verificationCode"))?;
        send(call, &self.authorization).await
    }

    /// Sends the push notification provider's new token, and proves that the device still has its
    /// key.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn update(&self, push_token: Option<&str>) -> Result<UpdateResponse, ClientError> {
        let query = self.query();
        let call = self.call(Method::POST, paths::UPDATE_NONCE, Some(&query));
        let nonce: UpdateNonceResponse = send(call, &self.authorization).await?;
        let body = UpdateRequest {
            challenge_id: Some(nonce.challenge_id),
            nonce: None,
            public_key: self.public_key(),
            signature: self.sign_nonce(&nonce.message)?,
            push_token: push_token.map(Secret::new),
        };
        let call =
            self.with_body(self.call(Method::PATCH, paths::CREDENTIAL, None), &body, None)?;
        send(call, &self.authorization).await
    }

    /// Removes every binding of the key.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn remove(&self, now: UnixMillis) -> Result<RemoveResponse, ClientError> {
        let body = RemoveRequest {
            public_key: self.public_key(),
            nonce: None,
            signature: self.key.sign_text(&removal_text_at(now)),
        };
        let call = self.with_body(self.call(Method::POST, paths::REMOVE, None), &body, None)?;
        send(call, &self.authorization).await
    }

    /// Signs a nonce. Refuses to sign a text that has the form of a challenge's id, because the
    /// signature would approve that challenge.
    fn sign_nonce(&self, nonce: &Secret) -> Result<Secret, ClientError> {
        if ChallengeId::parse(nonce.reveal()).is_ok() {
            let text = "it asks to sign the name of a challenge as a nonce";
            return Err(ClientError::Protocol(text.to_owned()));
        }
        Ok(self.key.sign_text(nonce.reveal()))
    }

    fn public_key(&self) -> String {
        encode_body(self.key.spki())
    }

    fn query(&self) -> String {
        self.dialect.query(self.key.spki())
    }

    fn call(&self, method: Method, path: &str, query: Option<&str>) -> RequestBuilder {
        let call = self.api.request(method, &format!("{}{path}", paths::BASE), query);
        call.header(USER_AGENT, self.dialect.user_agent())
            .header("X-Authsignal-SDK", self.dialect.name())
            .header("X-Authsignal-Version", self.dialect.sdk_version())
            .header("X-Authsignal-Tenant-ID", &self.tenant)
    }

    fn with_body(
        &self,
        call: RequestBuilder,
        body: &impl serde::Serialize,
        explicit_null: Option<&str>,
    ) -> Result<RequestBuilder, ClientError> {
        let body = self.dialect.body(body, explicit_null)?;
        Ok(call.header(CONTENT_TYPE, "application/json").body(body))
    }
}
