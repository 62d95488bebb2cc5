//! Client of the Server API, for a relying party's backend.

use countersign_wire::action::{ActionItem, ActionsQuery, GetActionResponse, UpdateActionRequest};
use countersign_wire::authenticator::AuthenticatorItem;
use countersign_wire::basic;
use countersign_wire::names::ActionState;
use countersign_wire::paths;
use countersign_wire::track::{TrackRequest, TrackResponse};
use countersign_wire::user::{
    Deleted, UpdateUserRequest, UserAttributes, UserResponse, UsersPage, UsersQuery,
};
use countersign_wire::validate::{ValidateRequest, ValidateResponse};
use reqwest::Method;
use reqwest::header::HeaderValue;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::api::{Api, Http, authorization, path, query_string, send};
use crate::error::ClientError;

/// A backend with its secret.
#[derive(Clone, Debug)]
pub struct RelyingParty {
    api: Api,
    authorization: HeaderValue,
}

impl RelyingParty {
    /// Makes the client of a backend at the server `base`.
    ///
    /// # Errors
    /// [`ClientError::Input`] if the address is not an HTTP URL, or if the secret cannot be sent.
    pub fn new(http: Http, base: &str, secret: &str) -> Result<Self, ClientError> {
        let authorization = authorization("Basic", &basic::encode_standard(secret))?;
        Ok(Self { api: Api::new(http, base)?, authorization })
    }

    /// Tracks an action.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn track(
        &self,
        user: &str,
        action: &str,
        request: &TrackRequest,
    ) -> Result<TrackResponse, ClientError> {
        let path = path(paths::TRACK, &[user, action])?;
        self.call(Method::POST, &path, request).await
    }

    /// Reads an action.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn get_action(
        &self,
        user: &str,
        action: &str,
        idempotency_key: &str,
    ) -> Result<GetActionResponse, ClientError> {
        self.read(&path(paths::ACTION, &[user, action, idempotency_key])?, None).await
    }

    /// Overrides an action's state.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn update_action(
        &self,
        user: &str,
        action: &str,
        idempotency_key: &str,
        state: ActionState,
    ) -> Result<GetActionResponse, ClientError> {
        let path = path(paths::ACTION, &[user, action, idempotency_key])?;
        self.call(Method::PATCH, &path, &UpdateActionRequest { state }).await
    }

    /// Lists a user's actions.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn query_actions(
        &self,
        user: &str,
        query: &ActionsQuery,
    ) -> Result<Vec<ActionItem>, ClientError> {
        self.read(&path(paths::ACTIONS, &[user])?, query_string(query)?.as_deref()).await
    }

    /// Validates a browser's token.
    ///
    /// # Errors
    /// [`ClientError`]. An invalid token is not an error: the response says that it is invalid.
    pub async fn validate(
        &self,
        request: &ValidateRequest,
    ) -> Result<ValidateResponse, ClientError> {
        self.call(Method::POST, paths::VALIDATE, request).await
    }

    /// Reads a user.
    ///
    /// # Errors
    /// [`ClientError`]. An unknown user is not an error: the server responds for unknown users too.
    pub async fn get_user(&self, user: &str) -> Result<UserResponse, ClientError> {
        self.read(&path(paths::USER, &[user])?, None).await
    }

    /// Finds users by their attributes.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn query_users(&self, query: &UsersQuery) -> Result<UsersPage, ClientError> {
        self.read(paths::USERS, query_string(query)?.as_deref()).await
    }

    /// Sets a user's attributes.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn update_user(
        &self,
        user: &str,
        request: &UpdateUserRequest,
    ) -> Result<UserAttributes, ClientError> {
        self.call(Method::PATCH, &path(paths::USER, &[user])?, request).await
    }

    /// Deletes a user.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn delete_user(&self, user: &str) -> Result<Deleted, ClientError> {
        self.delete(&path(paths::USER, &[user])?).await
    }

    /// Lists a user's authenticators.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn authenticators(&self, user: &str) -> Result<Vec<AuthenticatorItem>, ClientError> {
        self.read(&path(paths::AUTHENTICATORS, &[user])?, None).await
    }

    /// Removes an authenticator.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn delete_authenticator(
        &self,
        user: &str,
        authenticator: &str,
    ) -> Result<Deleted, ClientError> {
        self.delete(&path(paths::AUTHENTICATOR, &[user, authenticator])?).await
    }

    async fn read<T: DeserializeOwned>(
        &self,
        path: &str,
        query: Option<&str>,
    ) -> Result<T, ClientError> {
        send(self.api.request(Method::GET, path, query), &self.authorization).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<T, ClientError> {
        send(self.api.request(method, path, None).json(body), &self.authorization).await
    }

    async fn delete(&self, path: &str) -> Result<Deleted, ClientError> {
        send(self.api.request(Method::DELETE, path, None), &self.authorization).await
    }
}
