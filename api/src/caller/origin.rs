//! Which web pages may call: a tenant's own list decides, whatever the preflight allowed.

use actix_web::HttpRequest;
use actix_web::http::header::ORIGIN;

use crate::problem::Problem;

/// The origins whose pages may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// Every page.
    Any,
    /// Pages of these origins.
    Only(Vec<String>),
}

impl Origins {
    /// The list of a configuration: `*` anywhere allows every page.
    pub fn from_list(list: &[String]) -> Self {
        if list.iter().any(|origin| origin == "*") { Self::Any } else { Self::Only(list.to_vec()) }
    }

    /// Everything that either allows.
    #[must_use]
    pub fn union(self, other: &Self) -> Self {
        match (self, other) {
            (Self::Only(mut list), Self::Only(more)) => {
                list.extend(more.iter().cloned());
                Self::Only(list)
            }
            (Self::Any, _) | (_, Self::Any) => Self::Any,
        }
    }

    /// Whether a page of that origin may call.
    pub fn allow(&self, origin: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Only(list) => list.iter().any(|allowed| allowed == origin),
        }
    }
}

/// Refuses a request from a page that the tenant does not allow. Requests of apps have no origin.
///
/// # Errors
/// 403 `unauthorized`.
pub fn check(request: &HttpRequest, origins: &Origins) -> Result<(), Problem> {
    let Some(origin) = request.headers().get(ORIGIN) else { return Ok(()) };
    let allowed = origin.to_str().is_ok_and(|origin| origins.allow(origin));
    if allowed { Ok(()) } else { Err(Problem::forbidden("pages of this origin may not call")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(list: &[&str]) -> Origins {
        Origins::from_list(&list.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn an_origin_is_allowed_only_by_its_exact_name() {
        let origins = only(&["https://shop.example"]);
        assert!(origins.allow("https://shop.example"));
        for other in ["http://shop.example", "https://shop.example:444", "https://shop.example.evil", "null"] {
            assert!(!origins.allow(other), "{other}");
        }
        assert!(only(&["https://a", "*"]).allow("https://anything"));
    }

    #[test]
    fn the_union_allows_what_either_allows() {
        let union = only(&["https://a"]).union(&only(&["https://b"]));
        assert!(union.allow("https://a") && union.allow("https://b") && !union.allow("https://c"));
        assert_eq!(only(&["https://a"]).union(&Origins::Any), Origins::Any);
    }
}
