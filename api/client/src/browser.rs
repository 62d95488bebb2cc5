//! Client of the Client API, for a web application whose user confirms an action.

use countersign_wire::authenticator::AuthenticatorItem;
use countersign_wire::challenge::{
    CancelRequest, CancelResponse, GenericChallengeRequest, GenericChallengeResponse,
    PushChallengeRequest, PushChallengeResponse, VerifyRequest, VerifyResponse,
};
use countersign_wire::device::TicketResponse;
use countersign_wire::paths;
use reqwest::header::HeaderValue;
use reqwest::{Method, RequestBuilder};

use crate::api::{Api, Http, authorization, send, waiting};
use crate::error::ClientError;

/// A web application with its token.
#[derive(Clone, Debug)]
pub struct Browser {
    api: Api,
    authorization: HeaderValue,
}

impl Browser {
    /// Makes the client of a web application at the server `base`.
    ///
    /// # Errors
    /// [`ClientError::Input`] if the address is not an HTTP URL, or if the token has invalid
    /// characters.
    pub fn new(http: Http, base: &str, token: &str) -> Result<Self, ClientError> {
        Ok(Self { api: Api::new(http, base)?, authorization: authorization("Bearer", token)? })
    }

    /// Starts a challenge.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn challenge_push(
        &self,
        request: &PushChallengeRequest,
    ) -> Result<PushChallengeResponse, ClientError> {
        send(self.post(paths::START_CHALLENGE).json(request), &self.authorization).await
    }

    /// Reads the state of a challenge. While the challenge is open, the server holds the request
    /// for up to `wait` seconds.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn verify_push(
        &self,
        challenge: &str,
        wait: Option<u64>,
    ) -> Result<VerifyResponse, ClientError> {
        let body = VerifyRequest { challenge_id: challenge.to_owned() };
        send(waiting(self.post(paths::VERIFY).json(&body), wait), &self.authorization).await
    }

    /// Cancels a challenge.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn cancel_push(&self, challenge: &str) -> Result<CancelResponse, ClientError> {
        let body = CancelRequest { challenge_id: challenge.to_owned() };
        send(self.post(paths::CANCEL).json(&body), &self.authorization).await
    }

    /// Lists the user's authenticators.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn authenticators(&self) -> Result<Vec<AuthenticatorItem>, ClientError> {
        let call = self.api.request(Method::GET, paths::OWN_AUTHENTICATORS, None);
        send(call, &self.authorization).await
    }

    /// Makes a ticket, with which a device enrolls in place of the token.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn make_ticket(&self) -> Result<TicketResponse, ClientError> {
        let path = format!("{}{}", paths::device::BASE, paths::device::TICKET);
        send(self.post(&path), &self.authorization).await
    }

    /// Requests a nonce for a method other than push.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn challenge(
        &self,
        request: &GenericChallengeRequest,
    ) -> Result<GenericChallengeResponse, ClientError> {
        send(self.post(paths::NONCE).json(request), &self.authorization).await
    }

    fn post(&self, path: &str) -> RequestBuilder {
        self.api.request(Method::POST, path, None)
    }
}
