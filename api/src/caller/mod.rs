//! Authentication of callers: a backend has a secret, a browser a token. A device names its tenant
//! and signs its requests.

mod basic;
mod bearer;
pub mod origin;
mod reader;

pub use basic::{DeviceCaller, ServerCaller};
pub use bearer::{AnyCaller, ClientCaller, EnrollingCaller};
pub use reader::ReadingCaller;

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;
use countersign_core::id::{CredentialKey, TenantId};
use countersign_wire::publickey::PresentedKey;
use countersign_wire::reason::Reason;

use crate::problem::Problem;
use crate::token::TokenError;

/// Returns the identifier of the credential that has this public key at a tenant.
pub fn credential_key(tenant: TenantId, key: &PresentedKey) -> CredentialKey {
    CredentialKey { tenant, thumbprint: key.thumbprint() }
}

/// Converts the error of a bearer token into a response.
fn refused<T>(error: &TokenError<T>) -> Problem {
    match error {
        TokenError::Expired(_) => Problem::expired_token(),
        TokenError::Invalid => Problem::new(Reason::TokenInvalid, "the token is not valid here"),
    }
}

/// Returns the credentials of the `Authorization` header, if it has this scheme.
fn credentials<'r>(request: &'r HttpRequest, scheme: &str) -> Option<&'r str> {
    let header = request.headers().get(AUTHORIZATION)?.as_bytes();
    let (name, rest) = header.split_at_checked(scheme.len())?;
    let credentials =
        rest.strip_prefix(b" ").filter(|_| name.eq_ignore_ascii_case(scheme.as_bytes()));
    std::str::from_utf8(credentials?.trim_ascii()).ok()
}
