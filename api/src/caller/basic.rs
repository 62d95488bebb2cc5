//! Callers with `Authorization: Basic`: a backend sends a secret, a device sends the tenant's id.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use countersign_core::id::TenantId;
use countersign_wire::basic;
use countersign_wire::reason::Reason;

use super::{credentials, origin};
use crate::problem::Problem;
use crate::state::AppState;

/// Maximum length of credentials, in bytes. Longer ones are not decoded or hashed, because the
/// caller is not authenticated yet. No secret is nearly as long.
const SHOWN_BYTES_MAX: usize = 2048;

/// Text of the response to a backend without a valid secret. The SDKs' own test suites compare it.
const UNAUTHORIZED: &str = "The request is unauthorized. Check that your API key and region base \
                            URL are correctly configured.";

/// First segments of the Server API's paths. Some belong to known routes that this server does not
/// serve.
const SERVER_API: [&str; 7] =
    ["authenticators", "challenge", "claim", "sessions", "users", "validate", "verify"];

/// A relying party's backend, identified by one of its tenant's secrets.
pub struct ServerCaller {
    /// Tenant of the secret.
    pub tenant: TenantId,
}

/// A device that names its tenant. The header does not authenticate it: its signatures do.
pub struct DeviceCaller {
    /// Tenant that the device names.
    pub tenant: TenantId,
}

impl ServerCaller {
    /// Returns true if a request has a valid secret of any tenant.
    pub fn is_of(request: &HttpRequest) -> bool {
        tenant_of(request).is_some()
    }

    /// Refuses a request to a path of the Server API without a valid secret. The router calls it
    /// when no route has the path or the method, so that a caller without a secret cannot find out
    /// which routes exist.
    ///
    /// # Errors
    /// 401 `unauthorized`.
    pub fn check_before_routing(request: &HttpRequest) -> Result<(), Problem> {
        let is_let_in = !is_server_api(request.match_info().as_str()) || Self::is_of(request);
        if is_let_in { Ok(()) } else { Err(Problem::new(Reason::SecretUnknown, UNAUTHORIZED)) }
    }
}

/// Returns true if a path belongs to the Server API, with or without the version prefix.
fn is_server_api(path: &str) -> bool {
    let mut segments = path.split('/').filter(|s| !s.is_empty()).skip_while(|s| *s == "v1");
    let first = segments.next().unwrap_or_default();
    // Two SDKs misspell `/challenges?…`.
    SERVER_API.contains(&first) || first.starts_with("challenges")
}

fn tenant_of(request: &HttpRequest) -> Option<TenantId> {
    let shown = credentials(request, "Basic").filter(|shown| shown.len() <= SHOWN_BYTES_MAX);
    let secret = shown.and_then(basic::decode)?;
    AppState::of(request).tenant_of_secret(&secret)
}

impl FromRequest for ServerCaller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let tenant =
            tenant_of(request).ok_or_else(|| Problem::new(Reason::SecretUnknown, UNAUTHORIZED));
        ready(tenant.map(|tenant| Self { tenant }))
    }
}

impl FromRequest for DeviceCaller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(device(request))
    }
}

pub(super) fn device(request: &HttpRequest) -> Result<DeviceCaller, Problem> {
    let unknown = || Problem::new(Reason::TenantUnknown, "the tenant is not known");
    let id = credentials(request, "Basic").and_then(basic::decode).ok_or_else(unknown)?;
    let tenant = TenantId::parse(&id).map_err(|_| unknown())?;
    AppState::of(request).tenant(&tenant).ok_or_else(unknown)?;
    origin::check(request, &tenant)?;
    Ok(DeviceCaller { tenant })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_api_is_told_by_its_first_segment() {
        for path in [
            "/users",
            "/v1/users/u/actions/a/",
            "/v1//users/u",
            "//validate",
            "/v1/v1/challenges",
            "/challengeschallengeId=c",
            "/challengesuserId=u",
            "/v1/sessions/user/revoke",
            "/users/v1/nothing",
        ] {
            assert!(is_server_api(path), "{path}");
        }
        for path in
            ["/", "", "/v1", "/v2/users", "/client/users", "/client/challenge", "/ui", "/usersx"]
        {
            assert!(!is_server_api(path), "{path}");
        }
    }
}
