//! `POST /users/{userId}/actions/{action}`: starts an action.

use actix_web::HttpResponse;
use actix_web::web::Data;
use countersign_core::account::Track;
use countersign_core::id::{ActionCode, ActionKey, IdempotencyKey, TenantId};
use countersign_wire::InvalidField;
use countersign_wire::secret::Secret;
use countersign_wire::track::{TrackRequest, TrackResponse};
use url::Url;

use super::{addressable, new_account};
use crate::caller::ServerCaller;
use crate::problem::Problem;
use crate::request::body::{ServerBody, answer};
use crate::request::path::Path;
use crate::state::{AppState, TenantFace};
use crate::token::scope::Scopes;
use crate::token::{Kind, PageWish, Token};

/// Tracks an action and returns a token for it.
///
/// # Errors
/// 400 for an invalid name, field or scope; 409 if the idempotency key belongs to an action with
/// another `custom`.
pub async fn track(
    caller: ServerCaller,
    state: Data<AppState>,
    Path(path): Path<(String, String)>,
    ServerBody { body, mut warnings }: ServerBody<TrackRequest>,
) -> Result<HttpResponse, Problem> {
    let account = new_account(caller.tenant, &path.0)?;
    let code = ActionCode::parse(&path.1)?;
    let parts = body.into_core()?;
    if parts.has_other_address {
        note_other_address(&state, &account.tenant);
        warnings.add("ipAddress", "is not one address, and was left out");
    }
    let scopes = Scopes::parse(parts.scope.as_deref().unwrap_or_default());
    let scopes = scopes.map_err(|_| InvalidField::new("scope", "has a name that is not known"))?;
    let fresh = || IdempotencyKey::from_entropy(state.engine.entropy().bytes());
    let page = page_wish(parts.redirect_url, parts.redirect_to_settings)?;
    let idempotency_key = parts.idempotency_key.unwrap_or_else(fresh);
    addressable("idempotencyKey", idempotency_key.as_str())?;
    let key = ActionKey { code, idempotency_key };
    let track = Track { key, context: parts.context, profile: parts.profile };
    let tracked = state.engine.track(&account, track).await?;
    let action = &tracked.action;
    let token = state.make_token(&Token {
        kind: Kind::Track,
        account,
        action: action.key.clone(),
        born: Some(action.birth()),
        scopes,
        // The clock of the server that tracked the action may be ahead of this one.
        issued_at: state.engine.clock().now().max(action.created_at),
        page,
    })?;
    let token = Secret::new(token);
    let url = state.hosted_page(&token);
    Ok(answer(TrackResponse::new(action, tracked.is_enrolled, token, url), &warnings))
}

/// Logs that a tenant sent an `ipAddress` which is not one address, so that no phone shows it. Only
/// the first one is a warning, because a backend that forwards a chain of addresses sends one with
/// every action.
fn note_other_address(state: &AppState, tenant: &TenantId) {
    let text = "an ipAddress is not one address, and phones do not show it";
    if state.tenant(tenant).is_some_and(TenantFace::is_first_other_address) {
        tracing::warn!(tenant.id = %tenant, "{text}; more of them are noted at debug");
    } else {
        tracing::debug!(tenant.id = %tenant, "{text}");
    }
}

/// Schemes that are neither of websites nor of apps. For such a URL a browser executes or displays
/// its content, opens a part of the machine or of itself, or starts a program that does so. The
/// schemes are from the WHATWG URL standard and from the registries of Chromium, Firefox, Android
/// and Windows.
const NO_PLACES: &[&str] = &[
    "about",
    "android-app",
    "blob",
    "chrome",
    "chrome-extension",
    "content",
    "data",
    "devtools",
    "edge",
    "file",
    "filesystem",
    "ftp",
    "intent",
    "jar",
    "javascript",
    "mailto",
    "moz-extension",
    "ms-msdt",
    "resource",
    "search-ms",
    "sms",
    "tel",
    "vbscript",
    "view-source",
    "ws",
    "wss",
];

/// Checks the return URL of the pre-built UI: it must belong to a website, or to an app with its
/// own scheme.
fn page_wish(redirect_url: Option<String>, settings: bool) -> Result<PageWish, Problem> {
    if let Some(text) = &redirect_url {
        let refused = |problem| InvalidField::new("redirectUrl", problem);
        let url = Url::parse(text).map_err(|_| refused("is not an absolute URL"))?;
        if NO_PLACES.contains(&url.scheme()) {
            return Err(refused("must have https, http or the scheme of an app").into());
        }
    }
    Ok(PageWish { redirect_url, settings })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn returns_to(text: &str) -> bool {
        page_wish(Some(text.to_owned()), false).is_ok()
    }

    #[test]
    fn a_page_returns_to_websites_and_apps() {
        for place in [
            "https://shop.example/a?b=c",
            "HTTP://localhost:3000",
            "shop-app://signed-in",
            "com.example.shop:/back",
            "myfile://back",
        ] {
            assert!(returns_to(place), "{place}");
        }
        assert!(page_wish(None, true).is_ok_and(|wish| wish.settings));
    }

    #[test]
    fn a_page_returns_to_nothing_that_browsers_treat_specially() {
        for scheme in NO_PLACES {
            // The check also refuses unusual spellings, because URL parsers accept them.
            let upper = scheme.to_ascii_uppercase();
            for text in [format!("{scheme}:x"), format!("{upper}://x/y"), format!(" {scheme}:x")] {
                assert!(!returns_to(&text), "{text}");
            }
            let (first, rest) = scheme.split_at(1);
            assert!(!returns_to(&format!("{first}\t{rest}\n:x")), "{scheme}");
        }
        for text in
            ["view-source:https://a.example", "blob:https://a.example/1", "/back", "//a", "https:"]
        {
            assert!(!returns_to(text), "{text}");
        }
    }
}
