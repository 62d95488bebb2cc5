//! Callers with `Authorization: Basic`: backends send a secret, devices the tenant's id.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use countersign_core::id::TenantId;
use countersign_wire::basic;
use countersign_wire::reason::Reason;

use super::{credentials, origin};
use crate::problem::Problem;
use crate::state::AppState;

/// Bytes of shown credentials that are decoded and hashed before anybody is let in. No secret is
/// nearly as long.
const SHOWN_BYTES_MAX: usize = 2048;

/// A relying party's backend, known by one of its secrets.
pub struct ServerCaller {
    /// Its tenant.
    pub tenant: TenantId,
}

/// A device, which says which tenant it belongs to. It proves itself by signatures, not by this.
pub struct DeviceCaller {
    /// Its tenant.
    pub tenant: TenantId,
}

impl ServerCaller {
    /// Looks whether a request shows a secret of a tenant.
    pub fn is_of(request: &HttpRequest) -> bool {
        tenant_of(request).is_some()
    }
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
        let tenant = tenant_of(request)
            .ok_or_else(|| Problem::new(Reason::SecretUnknown, "the secret is not known"));
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
    let settings = AppState::of(request).tenant(&tenant).ok_or_else(unknown)?;
    origin::check(request, &settings.origins)?;
    Ok(DeviceCaller { tenant })
}
