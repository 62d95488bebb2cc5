//! Paths of requests: their normal form for the router, and the names in them.

use std::future::{Ready, ready};

use actix_web::dev::{Payload, ServiceRequest};
use actix_web::http::Uri;
use actix_web::{FromRequest, HttpRequest, web};
use countersign_wire::paths;
use countersign_wire::reason::Reason;
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// Names in the path of a request.
///
/// A path whose names are not UTF-8 is refused, because the router would replace the invalid bytes,
/// and several users would get the same name.
pub struct Path<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Path<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let unreadable = || Problem::new(Reason::PathInvalid, "the path cannot be read");
        if !is_readable(request.uri().path()) {
            return ready(Err(unreadable()));
        }
        let names = web::Path::extract(request).into_inner().map_err(|_| unreadable());
        ready(names.map(|names: web::Path<T>| Self(names.into_inner())))
    }
}

/// Pages whose relative links are wrong if the path ends with a slash. Such a path is redirected,
/// and its slash is not removed here.
const PAGES: [&str; 3] = [paths::UI, paths::PHONE, paths::DEMO];

/// Replaces the path that the router sees by its normal form. `under` returns the path of the
/// public URL without a slash at its end, which a proxy may or may not remove. The URI of the
/// request is not changed.
pub fn route_as_usual(request: &mut ServiceRequest, under: impl Fn(&HttpRequest) -> &str) {
    let usual = usual(request.path(), under(request.request()));
    if let Some(uri) = usual.and_then(|path| Uri::try_from(path).ok()) {
        request.match_info_mut().get_mut().update(&uri);
    }
}

/// Returns the normal form of a path, or `None` if the path has it already. It removes the path of
/// the public URL, one empty segment at the start and one at the end. Clients create these segments
/// when they join a base URL and a path.
fn usual(path: &str, under: &str) -> Option<String> {
    let rest = path.strip_prefix(under).filter(|rest| rest.is_empty() || rest.starts_with('/'));
    let inner = match rest {
        Some("") => "/",
        Some(rest) => rest,
        None => path,
    };
    let below = inner.strip_prefix(paths::VERSION).filter(|below| below.starts_with('/'));
    let (mount, rest) = inner.split_at(below.map_or(0, |_| paths::VERSION.len()));
    let rest = rest.strip_prefix('/').filter(|rest| rest.starts_with('/')).unwrap_or(rest);
    let is_page = |path| mount.is_empty() && PAGES.contains(&path);
    let shorter = rest.strip_suffix('/').filter(|path| !path.is_empty() && !is_page(*path));
    let rest = shorter.unwrap_or(rest);
    (mount.len() + rest.len() < path.len()).then(|| format!("{mount}{rest}"))
}

/// Returns true if every percent sign begins an escape, and the escaped bytes are UTF-8. The router
/// leaves a stray percent sign unchanged and decodes the result again, so that a stray sign could
/// hide an escape from this check.
fn is_readable(path: &str) -> bool {
    let escapes = path.split('%').skip(1).map(|rest| rest.as_bytes().get(..2));
    let escaped = |pair: Option<&[u8]>| pair.is_some_and(|p| p.iter().all(u8::is_ascii_hexdigit));
    escapes.into_iter().all(escaped) && percent_decode_str(path).decode_utf8().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_empty_segment_after_the_mount_or_at_the_end_is_taken() {
        for (path, expected) in [
            ("/v1//users", "/v1/users"),
            ("//users", "/users"),
            ("/users/", "/users"),
            ("/v1/users/u-1/", "/v1/users/u-1"),
            ("/v1//users/u-1/", "/v1/users/u-1"),
            ("//phone", "/phone"),
            ("/v1/users/%2F/", "/v1/users/%2F"),
            ("//", "/"),
            ("/v1//", "/v1/"),
            ("//phone/", "/phone/"),
            ("/phone/x/", "/phone/x"),
            ("/v1/phone/", "/v1/phone"),
            ("/v1//v1/challenges", "/v1/v1/challenges"),
            // One empty segment is removed, and not two.
            ("/v1///users", "/v1//users"),
            ("///users", "//users"),
            ("/users//", "/users/"),
        ] {
            assert_eq!(usual(path, "").as_deref(), Some(expected), "{path}");
        }
        for path in [
            "/",
            "/v1",
            "/v1/",
            "/v1/users",
            "/users//actions/pay",
            "/v1/users//actions/pay",
            "/phone",
            "/phone/",
            "/ui/",
            "/demo/",
            "*",
            "",
        ] {
            assert_eq!(usual(path, ""), None, "{path}");
        }
    }

    #[test]
    fn the_path_of_the_public_url_is_taken_off_once() {
        for (path, expected) in [
            ("/auth/v1/users", Some("/v1/users")),
            ("/auth//v1/users", Some("/v1/users")),
            ("/auth/v1//users/", Some("/v1/users")),
            ("/auth", Some("/")),
            ("/auth/", Some("/")),
            ("/auth/phone/", Some("/phone/")),
            ("/auth/auth/ui", Some("/auth/ui")),
            ("/authx/ui", None),
            ("/v1/users", None),
            ("/users/auth", None),
        ] {
            assert_eq!(usual(path, "/auth").as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn a_path_is_readable_if_it_is_escaped_utf_8() {
        for path in ["/users/a%20b", "/users/%C3%BC", "/users/%25", "/users/a|b", "/"] {
            assert!(is_readable(path), "{path}");
        }
        for path in ["/users/%ff", "/users/%%46%46", "/users/%%32%35", "/users/%", "/users/%4"] {
            assert!(!is_readable(path), "{path}");
        }
    }
}
