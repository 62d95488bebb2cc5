//! `GET /brand/{tenant}`: public data of a tenant for its pages.

use actix_web::HttpResponse;
use actix_web::web::Data;
use countersign_core::id::TenantId;
use countersign_wire::reason::Reason;
use serde::Serialize;

use crate::config::Brand;
use crate::path::Path;
use crate::problem::Problem;
use crate::state::AppState;

/// A brand as pages read it.
#[derive(Serialize)]
pub(super) struct BrandBody<'b> {
    name: &'b str,
    #[serde(skip_serializing_if = "Option::is_none")]
    logo: Option<&'b str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    colour: Option<&'b str>,
}

impl<'b> From<&'b Brand> for BrandBody<'b> {
    fn from(brand: &'b Brand) -> Self {
        let Brand { name, logo, colour } = brand;
        Self { name, logo: logo.as_deref(), colour: colour.as_deref() }
    }
}

/// Answers the brand of a tenant.
///
/// # Errors
/// 404 for a tenant that is not there.
pub async fn brand(
    state: Data<AppState>,
    Path(tenant): Path<String>,
) -> Result<HttpResponse, Problem> {
    let tenant = TenantId::parse(&tenant).ok();
    let face = tenant.as_ref().and_then(|tenant| state.tenant(tenant));
    let face =
        face.ok_or_else(|| Problem::new(Reason::TenantNotFound, "the tenant is not known"))?;
    Ok(HttpResponse::Ok().json(BrandBody::from(&face.brand)))
}
