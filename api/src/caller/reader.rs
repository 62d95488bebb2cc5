//! Readers of a key's state: an app with a device session, or one that names its tenant and the
//! key.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use countersign_core::id::{AuthenticatorId, CredentialKey, TenantId};
use countersign_wire::publickey::PresentedKey;
use countersign_wire::reason::Reason;
use serde::Deserialize;

use super::basic::device;
use super::{credentials, origin, refused};
use crate::problem::Problem;
use crate::request::query::Query;
use crate::state::AppState;

/// The reader, and the key.
pub struct ReadingCaller {
    /// The key.
    pub key: CredentialKey,
    /// The reader's credentials.
    pub who: Who,
}

/// Credentials of a reader.
pub enum Who {
    /// By a device session, made for a binding of that name.
    Session(AuthenticatorId),
    /// Not at all: it says which tenant it belongs to, and which key it has.
    Stranger,
}

/// The query by which a device names its key.
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
        let key = key_of(tenant, &presented?.ok_or_else(missing)?);
        return Ok(ReadingCaller { key, who: Who::Stranger });
    };
    let state = AppState::of(request);
    let session = state.open_session(token).map_err(|error| refused(&error))?;
    if let Some(settings) = state.tenant(&session.key.tenant) {
        origin::check(request, &settings.origins)?;
    }
    // The session says which key it is of; a request that says otherwise is a mistake.
    if presented?.is_some_and(|key| key.thumbprint() != session.key.thumbprint) {
        let text = "publicKey: is not the key of the session";
        return Err(Problem::new(Reason::SessionMismatch, text));
    }
    Ok(ReadingCaller { key: session.key, who: Who::Session(session.binding) })
}

fn key_of(tenant: TenantId, key: &PresentedKey) -> CredentialKey {
    CredentialKey { tenant, thumbprint: key.thumbprint() }
}
