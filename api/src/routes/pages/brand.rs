//! `GET /brand/{tenant}`: public data of a tenant for its pages.

use actix_web::HttpResponse;
use actix_web::web::Data;
use countersign_core::id::TenantId;
use countersign_wire::reason::Reason;

use crate::problem::Problem;
use crate::request::path::Path;
use crate::state::AppState;

/// Returns the brand of a tenant.
///
/// # Errors
/// 404 for an unknown tenant.
pub async fn brand(
    state: Data<AppState>,
    Path(tenant): Path<String>,
) -> Result<HttpResponse, Problem> {
    let tenant = TenantId::parse(&tenant).ok();
    let face = tenant.as_ref().and_then(|tenant| state.tenant(tenant));
    let face =
        face.ok_or_else(|| Problem::new(Reason::TenantNotFound, "the tenant is not known"))?;
    Ok(HttpResponse::Ok().json(&face.brand))
}
