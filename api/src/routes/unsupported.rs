//! The known routes of other methods: answered in JSON, so that an SDK that tries one can say why.

use actix_web::{HttpRequest, HttpResponse};
use countersign_wire::reason::Reason;

use crate::caller::ServerCaller;
use crate::problem::Problem;

/// 400 `invalid_configuration`, and 401 for a backend without a good secret.
pub(super) async fn answer(request: HttpRequest) -> Result<HttpResponse, Problem> {
    ServerCaller::check_before_routing(&request)?;
    Err(Problem::new(Reason::MethodUnsupported, "this server verifies by push only"))
}
