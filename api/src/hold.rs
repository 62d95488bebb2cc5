//! Holding a poll: for as long as its caller prefers, if there is a place to wait.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::RETRY_AFTER;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, HttpResponse, HttpResponseBuilder};

use crate::admission::{Admission, Place};
use crate::prefer::{PREFERENCE_APPLIED, Wait};
use crate::problem::Problem;

/// Seconds after which a poll that could not wait may come again.
const RETRY_AFTER_SECONDS: u32 = 1;

/// The wait of one poll, and its place among those that wait.
pub struct Hold {
    wait: Option<Wait>,
    place: Option<Place>,
}

impl FromRequest for Hold {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let wait = Wait::of(request.headers());
        let admission = wait.and_then(|_| request.app_data::<Data<Admission>>());
        let place = admission.and_then(|admission| admission.waits.enter());
        ready(Ok(Self { wait, place }))
    }
}

impl Hold {
    /// How long to wait, in milliseconds; 0 where the caller does not prefer to, or has no place.
    pub fn ms(&self) -> u64 {
        self.wait.filter(|_| self.place.is_some()).map_or(0, Wait::ms)
    }

    /// The answer's head. `crowded` says that the engine did not let the poll wait; `is_over` that
    /// there was something to tell.
    pub fn response(&self, crowded: bool, is_over: bool) -> HttpResponseBuilder {
        let mut response = HttpResponse::Ok();
        let Some(wait) = self.wait else { return response };
        response.insert_header((PREFERENCE_APPLIED.clone(), wait.applied()));
        if !is_over && (crowded || self.place.is_none()) {
            response.insert_header((RETRY_AFTER, RETRY_AFTER_SECONDS));
        }
        response
    }
}
