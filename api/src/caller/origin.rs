//! Web pages that may call: a tenant's own list decides, whatever the preflight allowed.

use actix_web::HttpRequest;
use actix_web::http::header::ORIGIN;
use countersign_wire::reason::Reason;

use crate::config::AllowedOrigins;
use crate::problem::Problem;
use crate::state::AppState;

/// Refuses a request from a page that the tenant does not allow. Requests of apps have no origin;
/// the server's own pages serve every tenant.
///
/// # Errors
/// 403 `unauthorized`.
pub fn check(request: &HttpRequest, origins: &AllowedOrigins) -> Result<(), Problem> {
    let Some(origin) = request.headers().get(ORIGIN) else { return Ok(()) };
    let own = |origin: &str| AppState::of(request).is_own_origin(origin);
    let allowed = origin.to_str().is_ok_and(|origin| origins.allows(origin) || own(origin));
    let refused = || Problem::new(Reason::OriginNotAllowed, "pages of this origin may not call");
    if allowed { Ok(()) } else { Err(refused()) }
}
