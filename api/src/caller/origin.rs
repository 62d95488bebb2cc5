//! Check of a web page's origin: the tenant's own list decides, even if the CORS preflight allowed
//! the page.

use actix_web::HttpRequest;
use actix_web::http::header::ORIGIN;
use countersign_core::id::TenantId;
use countersign_wire::reason::Reason;

use crate::problem::Problem;
use crate::state::AppState;

/// Refuses a request from a page that the tenant does not allow. A request without an `Origin`
/// header passes, because apps send none. The server's own pages pass for every tenant. For an
/// unknown tenant every page passes here.
///
/// # Errors
/// 403 `unauthorized`.
pub fn check(request: &HttpRequest, tenant: &TenantId) -> Result<(), Problem> {
    let Some(origin) = request.headers().get(ORIGIN) else { return Ok(()) };
    let state = AppState::of(request);
    let Some(face) = state.tenant(tenant) else { return Ok(()) };
    let allows = |origin| face.origins.allows(origin) || state.is_own_origin(origin);
    let allowed = origin.to_str().is_ok_and(allows);
    let refused = || Problem::new(Reason::OriginNotAllowed, "pages of this origin may not call");
    if allowed { Ok(()) } else { Err(refused()) }
}
