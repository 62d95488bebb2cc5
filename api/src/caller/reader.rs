//! Callers that read a key's state: an app with a device session, or a device that names its tenant
//! and its key.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use countersign_core::id::{AuthenticatorId, CredentialKey};
use countersign_wire::publickey::PresentedKey;
use countersign_wire::reason::Reason;
use serde::Deserialize;

use super::basic::device;
use super::{credential_key, credentials, origin, refused};
use crate::problem::Problem;
use crate::request::query::Query;
use crate::state::AppState;

/// A caller that reads the state of one key.
pub struct ReadingCaller {
    /// The key.
    pub key: CredentialKey,
    /// Binding that the device session was made for. `None` for a caller without a session: it only
    /// names a tenant and a key, and proves nothing.
    pub session: Option<AuthenticatorId>,
}

/// Query in which a device names its key.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeyQuery {
    public_key: Option<String>,
}

impl FromRequest for ReadingCaller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let query = Query::<KeyQuery>::from_request(request, payload).into_inner();
        ready(query.and_then(|Query(query)| reader(request, query.public_key.as_deref())))
    }
}

fn reader(request: &HttpRequest, public_key: Option<&str>) -> Result<ReadingCaller, Problem> {
    let presented = public_key.map(PresentedKey::from_query).transpose();
    let Some(token) = credentials(request, "Bearer") else {
        let tenant = device(request)?.tenant;
        let missing = || Problem::new(Reason::FieldMissing, "publicKey: is missing");
        let key = credential_key(tenant, &presented?.ok_or_else(missing)?);
        return Ok(ReadingCaller { key, session: None });
    };
    let session = AppState::of(request).open_session(token).map_err(|error| refused(&error))?;
    origin::check(request, &session.key.tenant)?;
    // The session belongs to one key. A request that names another key is a mistake of the app.
    if presented?.is_some_and(|key| key.thumbprint() != session.key.thumbprint) {
        let text = "publicKey: is not the key of the session";
        return Err(Problem::new(Reason::SessionMismatch, text));
    }
    Ok(ReadingCaller { key: session.key, session: Some(session.binding) })
}
