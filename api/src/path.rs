//! Names in paths.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
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
        let unreadable = || Problem::invalid_request("the path cannot be read");
        let text = percent_decode_str(request.uri().path()).decode_utf8();
        let names = text
            .map_err(|_| unreadable())
            .and_then(|_| web::Path::extract(request).into_inner().map_err(|_| unreadable()));
        ready(names.map(|names: web::Path<T>| Self(names.into_inner())))
    }
}
