//! Routes of verification methods that this server does not support. Their refusal is JSON, so that
//! an SDK can display its reason.

use actix_web::{HttpRequest, HttpResponse};
use countersign_wire::reason::Reason;

use crate::caller::ServerCaller;
use crate::problem::Problem;

/// Refuses the request with 400 `invalid_configuration`. Without a valid secret, a path of the
/// Server API gets 401.
pub(super) async fn answer(request: HttpRequest) -> Result<HttpResponse, Problem> {
    ServerCaller::check_before_routing(&request)?;
    Err(Problem::new(Reason::MethodUnsupported, "this server verifies by push only"))
}
