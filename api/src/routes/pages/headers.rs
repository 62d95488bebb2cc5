//! Headers of every page: content policy, framing and permissions. `Referrer-Policy` is set on
//! every response (`crate::response_headers`).

use actix_web::HttpResponseBuilder;
use actix_web::http::header::{
    CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS,
};

use crate::config::AllowedOrigins;

/// Content policy: all content is from this server. Pictures may also be part of the page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
                      img-src 'self' data:; connect-src 'self'; manifest-src 'self'; \
                      worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors ";

static PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");

/// Adds the headers of a page. With a tenant's origins in `frames`, the tenant's pages and the
/// server's own may frame it; otherwise no page may.
pub(super) fn secure(response: &mut HttpResponseBuilder, frames: Option<&AllowedOrigins>) {
    let policy = format!("{POLICY}{}", ancestors(frames));
    // Cannot fail, because origins are checked with the configuration: hosts and ports of visible
    // ASCII.
    let policy = HeaderValue::try_from(policy)
        .unwrap_or(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    response.insert_header((CONTENT_SECURITY_POLICY, policy));
    response.insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"));
    response.insert_header((PERMISSIONS_POLICY.clone(), "camera=(self), geolocation=()"));
}

fn ancestors(frames: Option<&AllowedOrigins>) -> String {
    match frames {
        None => "'none'".to_owned(),
        Some(AllowedOrigins::Any) => "*".to_owned(),
        Some(AllowedOrigins::Exact(origins)) => {
            let others = origins.iter().map(|origin| format!(" {origin}"));
            others.fold("'self'".to_owned(), |all, origin| all + &origin)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_framed_by_its_tenant_alone() {
        assert_eq!(ancestors(None), "'none'");
        assert_eq!(ancestors(Some(&AllowedOrigins::Any)), "*");
        let two = ["https://a.example", "http://b.example:81"].map(str::to_owned);
        let exact = AllowedOrigins::Exact(two.into());
        let expected = "'self' http://b.example:81 https://a.example";
        assert_eq!(ancestors(Some(&exact)), expected);
    }
}
