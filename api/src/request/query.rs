//! Query strings of requests.

use std::borrow::Cow;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::error::QueryPayloadError;
use actix_web::{FromRequest, HttpRequest, web};
use countersign_wire::reason::Reason;
use countersign_wire::spelling::{ServerRequest, meant_by};
use serde::de::DeserializeOwned;
use url::form_urlencoded;

use crate::problem::Problem;

/// Query of a request. Unknown names are ignored.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Query<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(read(request.query_string()).map(Self))
    }
}

/// Query of a Server API request. Its names may be in snake case.
pub struct ServerQuery<T>(pub T);

impl<T: ServerRequest> FromRequest for ServerQuery<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(read(&respelt::<T>(request.query_string())).map(Self))
    }
}

fn read<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    let read = web::Query::<T>::from_query(query);
    read.map(web::Query::into_inner).map_err(|error| refused(&error))
}

/// Creates the error of an invalid query. It names a field that occurs twice, as the struct spells
/// it, and quotes no text of the query.
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

/// Replaces names in snake case by those of the contract. If both spellings occur, the contract's
/// has precedence, unless its value is empty, which counts as absent.
fn respelt<T: ServerRequest>(query: &str) -> Cow<'_, str> {
    if !query.contains('_') && !query.contains('%') {
        return Cow::Borrowed(query);
    }
    let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
    let meant: Vec<_> = pairs.iter().map(|(name, _)| meant_by::<T>(name)).collect();
    if meant.iter().all(Option::is_none) {
        return Cow::Borrowed(query);
    }
    let says = |name: &str| pairs.iter().any(|(n, value)| n == name && !value.is_empty());
    let is_given = |name: &str| meant.iter().flatten().any(|meant| meant == name);
    let mut respelt = form_urlencoded::Serializer::new(String::new());
    for ((name, value), meant) in pairs.iter().zip(&meant) {
        match meant {
            Some(meant) if says(meant) => {}
            Some(meant) => {
                respelt.append_pair(meant, value);
            }
            None if is_given(name) && !says(name) => {}
            None => {
                respelt.append_pair(name, value);
            }
        }
    }
    Cow::Owned(respelt.finish())
}

#[cfg(test)]
mod tests {
    use countersign_wire::user::UsersQuery;

    use super::*;

    fn phone_number(query: &str) -> Option<String> {
        let query: UsersQuery = read(&respelt::<UsersQuery>(query)).unwrap();
        query.phone_number
    }

    #[test]
    fn snake_case_is_taken_and_camel_case_wins() {
        for (query, expected) in [
            ("phone_number=%2B1", Some("+1")),
            ("phone%5Fnumber=%2B1", Some("+1")),
            ("phoneNumber=%2B1&phone_number=%2B2", Some("+1")),
            ("phone_number=%2B2&phoneNumber=%2B1", Some("+1")),
            ("phoneNumber=&phone_number=%2B2", Some("+2")),
            ("username=phone_number", None),
            ("phone__number=1", None),
        ] {
            assert_eq!(phone_number(query).as_deref(), expected, "{query}");
        }
        let query: UsersQuery =
            read(&respelt::<UsersQuery>("last_evaluated_user_id=a_b%20c&email=x_y")).unwrap();
        assert_eq!(query.last_evaluated_user_id.as_deref(), Some("a_b c"));
        assert_eq!(query.email.as_deref(), Some("x_y"));
    }

    #[test]
    fn a_name_that_is_there_twice_is_refused_in_either_spelling() {
        for query in ["phoneNumber=1&phoneNumber=2", "phone_number=1&phone_number=2"] {
            assert!(read::<UsersQuery>(&respelt::<UsersQuery>(query)).is_err(), "{query}");
        }
    }
}
