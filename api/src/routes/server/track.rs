//! `POST /users/{userId}/actions/{action}`: an action begins.

use actix_web::HttpResponse;
use actix_web::web::Data;
use countersign_core::account::Track;
use countersign_core::id::{ActionCode, ActionKey, IdempotencyKey};
use countersign_wire::secret::Secret;
use countersign_wire::track::{TrackRequest, TrackResponse};
use url::Url;

use super::account;
use crate::body::Body;
use crate::caller::ServerCaller;
use crate::caller::scope::Scopes;
use crate::caller::token::{Kind, PageWish};
use crate::path::Path;
use crate::problem::Problem;
use crate::state::AppState;

/// Tracks an action and gives out a token for it.
///
/// # Errors
/// 400 for a name, field or scope that is not valid.
pub async fn track(
    caller: ServerCaller,
    state: Data<AppState>,
    Path(path): Path<(String, String)>,
    Body(body): Body<TrackRequest>,
) -> Result<HttpResponse, Problem> {
    let account = account(caller.tenant, &path.0)?;
    let code = ActionCode::parse(&path.1)?;
    let parts = body.into_core()?;
    let scopes = Scopes::parse(parts.scope.as_deref().unwrap_or_default());
    let scopes =
        scopes.map_err(|_| Problem::invalid_request("scope: has a name that is not known"))?;
    let fresh = || IdempotencyKey::from_entropy(state.engine.entropy().bytes());
    let page = page_wish(parts.redirect_url, parts.redirect_to_settings)?;
    let idempotency_key = parts.idempotency_key.unwrap_or_else(fresh);
    let key = ActionKey { code, idempotency_key };
    let track = Track { key, context: parts.context, profile: parts.profile };
    let tracked = state.engine.track(&account, track).await?;
    let action = &tracked.action;
    let now = state.engine.clock().now();
    let token = state.make_token(Kind::Track, &account, &action.key, scopes, now, page)?;
    let token = Secret::new(token);
    let url = state.hosted_page(&token);
    Ok(HttpResponse::Ok().json(TrackResponse::new(action, tracked.is_enrolled, token, url)))
}

/// Schemes that make a browser run or show what a URL holds, in place of going somewhere.
const NO_PLACES: &[&str] =
    &["about", "blob", "data", "file", "filesystem", "javascript", "vbscript"];

/// Where the pre-built UI ends. Schemes of apps are allowed.
fn page_wish(redirect_url: Option<String>, settings: bool) -> Result<PageWish, Problem> {
    if let Some(text) = &redirect_url {
        let refused = |problem| Problem::invalid_request(format!("redirectUrl: {problem}"));
        let url = Url::parse(text).map_err(|_| refused("is not an absolute URL"))?;
        if NO_PLACES.contains(&url.scheme()) {
            return Err(refused("leads nowhere"));
        }
    }
    Ok(PageWish { redirect_url, settings })
}
