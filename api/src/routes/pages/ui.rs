//! `GET /ui?token=…`: the pre-built UI of one action (section 7 of the contract), and
//! `GET /brand/{tenant}`: public data of a tenant for every page.

use actix_web::HttpResponse;
use actix_web::web::Data;
use countersign_core::id::{AccountKey, TenantId};
use countersign_wire::reason::Reason;
use serde::{Deserialize, Serialize};

use super::asset;
use super::headers::secure;
use crate::config::{AllowedOrigins, Brand};
use crate::problem::Problem;
use crate::request::path::Path;
use crate::request::query::Query;
use crate::state::{AppState, TenantFace};
use crate::token::{PageWish, Token, TokenError};

/// Element for the page's data. Browsers do not execute a script whose type is not JavaScript.
const PLACE: &str = r#"<script type="application/json" id="page"></script>"#;

/// The part of the query that the server reads. The page's script reads the other parameters.
#[derive(Deserialize)]
pub struct UiQuery {
    #[serde(default)]
    token: String,
}

/// Data of the page.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PageBody<'p> {
    /// State of the token: `ready`, `expired` or `invalid`.
    token: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_id: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    brand: Option<&'p Brand>,
    /// Origins of the pages that may receive the result: only `*`, or exact origins.
    #[serde(skip_serializing_if = "Option::is_none")]
    origins: Option<Vec<&'p str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<&'p PageWish>,
}

/// Returns the pre-built UI. Pages that the token's tenant allows may frame it. For a token that is
/// not one of this server, no page may.
pub async fn ui(state: Data<AppState>, Query(query): Query<UiQuery>) -> HttpResponse {
    let (condition, token) = match state.open_token(&query.token) {
        Ok((token, _)) => ("ready", Some(token)),
        Err(TokenError::Expired(token)) => ("expired", Some(*token)),
        Err(TokenError::Invalid) => ("invalid", None),
    };
    let face = token.as_ref().and_then(|token| state.tenant(&token.account.tenant));
    let body = page_body(condition, token.as_ref(), face);
    let mut response = HttpResponse::Ok();
    secure(&mut response, face.map(|face| &face.origins));
    let page = asset::text("ui/index.html").replace(PLACE, &island(&body));
    response.content_type("text/html; charset=utf-8").body(page)
}

fn page_body<'p>(
    condition: &'static str,
    token: Option<&'p Token>,
    face: Option<&'p TenantFace>,
) -> PageBody<'p> {
    let account = token.map(|token| &token.account);
    PageBody {
        token: condition,
        tenant_id: account.map(|AccountKey { tenant, .. }| tenant.as_str()),
        brand: face.map(|face| &face.brand),
        origins: face.map(|face| match &face.origins {
            AllowedOrigins::Any => vec!["*"],
            AllowedOrigins::Exact(origins) => origins.iter().map(String::as_str).collect(),
        }),
        user_id: account.map(|AccountKey { user, .. }| user.as_str()),
        action: token.map(|token| token.action.code.as_str()),
        page: token.map(|token| &token.page),
    }
}

/// Returns the element with the page's data. A text in the data cannot end the element, because the
/// characters for that are escaped.
fn island(body: &PageBody<'_>) -> String {
    let json = serde_json::to_string(body).unwrap_or_default();
    let json = json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
    PLACE.replace("></", &format!(">{json}</"))
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
    Ok(HttpResponse::Ok().json(&face.brand))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_users_are_called_cannot_leave_its_element() {
        let user = "</script><script>alert(1)</script><!--";
        let empty = page_body("invalid", None, None);
        let text = island(&PageBody { user_id: Some(user), ..empty });
        assert_eq!(text.matches("</script>").count(), 1);
        assert!(!text.contains("<!--"), "{text}");
        let json = text.strip_prefix(r#"<script type="application/json" id="page">"#).unwrap();
        let json = json.strip_suffix("</script>").unwrap();
        let read: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!(read["userId"], user);
    }

    #[test]
    fn the_page_has_the_place() {
        assert!(asset::text("ui/index.html").contains(PLACE));
    }
}
