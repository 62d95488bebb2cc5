//! Query strings.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::error::QueryPayloadError;
use actix_web::{FromRequest, HttpRequest, web};
use countersign_wire::reason::Reason;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// The query of a request. Names that are not known are ignored.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Query<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let query = web::Query::<T>::from_query(request.query_string());
        ready(query.map(|web::Query(query)| Self(query)).map_err(|error| refused(&error)))
    }
}

/// Names the field that stands twice. Its name is that of the struct: no text of the query is told.
fn refused(error: &QueryPayloadError) -> Problem {
    let text = error.to_string();
    let field = text.split_once("duplicate field `").and_then(|(_, rest)| rest.split_once('`'));
    match field {
        Some((field, _)) => {
            Problem::new(Reason::QueryInvalid, format!("{field}: stands twice in the query"))
        }
        None => Problem::new(Reason::QueryInvalid, "the query cannot be read"),
    }
}
