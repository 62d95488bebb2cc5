//! How much is let in at once: requests in flight, and polls that wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, ResponseError as _};

use crate::problem::Problem;

/// Places for requests of one sort.
#[derive(Clone)]
pub struct Gate {
    taken: Arc<AtomicUsize>,
    max: usize,
}

impl Gate {
    /// A gate with that many places.
    pub fn new(max: usize) -> Self {
        Self { taken: Arc::default(), max }
    }

    /// Takes a place, if there is one.
    pub fn enter(&self) -> Option<Place> {
        let taken = self.taken.fetch_add(1, Ordering::Relaxed);
        // Given back at once where there was none.
        let place = Place(self.taken.clone());
        (taken < self.max).then_some(place)
    }
}

/// A place, given back when it is dropped.
pub struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The gates of the server.
pub struct Admission {
    /// Requests in flight, polls among them.
    pub requests: Gate,
    /// Polls that wait. One more is answered as if its time was over.
    pub waits: Gate,
}

/// Turns requests away that are over the limit, before anything is done for them.
///
/// # Errors
/// Those of the routes behind it. One request too many is answered 503 `temporarily_unavailable`.
pub async fn admit(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let admission = request.app_data::<Data<Admission>>().cloned();
    let Some(_place) = admission.and_then(|admission| admission.requests.enter()) else {
        // An answer, not an error: what stands around every answer is added to it.
        return Ok(request.into_response(Problem::overloaded().error_response()));
    };
    Ok(next.call(request).await?.map_into_boxed_body())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_gate_lets_nobody_in_until_somebody_leaves() {
        let gate = Gate::new(2);
        let first = gate.enter();
        let second = gate.enter();
        assert!(first.is_some() && second.is_some());
        assert!(gate.enter().is_none());
        drop(first);
        assert!(gate.enter().is_some());
    }
}
