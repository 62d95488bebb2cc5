//! Names in paths.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use countersign_wire::reason::Reason;
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// The names in the path of a request.
///
/// The router replaces what is not UTF-8, which would make one user of several: such a path is
/// refused.
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

/// Whether every percent sign begins an escape, and what is escaped is UTF-8. The router leaves a
/// stray percent sign as it is and decodes once more, so that one could smuggle an escape past the
/// check.
fn is_readable(path: &str) -> bool {
    let escapes = path.split('%').skip(1).map(|rest| rest.as_bytes().get(..2));
    let escaped = |pair: Option<&[u8]>| pair.is_some_and(|p| p.iter().all(u8::is_ascii_hexdigit));
    escapes.into_iter().all(escaped) && percent_decode_str(path).decode_utf8().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

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
