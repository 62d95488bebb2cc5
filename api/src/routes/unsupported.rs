//! The known routes of other methods: answered in JSON, so that an SDK that tries one can say why.

use actix_web::{HttpRequest, HttpResponse};
use countersign_wire::reason::Reason;

use crate::caller::ServerCaller;
use crate::problem::Problem;

/// Routes that the SDKs have and this server has no method for.
pub(super) const PATHS: &[&str] = &[
    "/authenticators",
    "/challenge",
    "/challenges",
    // Two SDKs build the path of `GET /challenges` wrongly, each in its own way: one leaves out the
    // question mark, and begins with whichever parameter it has.
    r"/challenges{query:\w+=.*}",
    "/v1/challenges",
    "/claim",
    "/verify",
    "/sessions",
    "/sessions/{call:.*}",
    "/users/{user}/devices",
    "/users/{user}/devices/{call:.*}",
    "/client/challenge/{method}",
    "/client/verify/{method:.*}",
    "/client/user-authenticators/device/challenge/claim",
    "/client/user-authenticators/{method}",
    "/client/user-authenticators/{method}/{call:.*}",
    "/client/public/{tenant}/.well-known/jwks",
    "/ws-v1-challenge",
];

/// 400 `invalid_configuration`, and 401 for a backend without a good secret.
pub(super) async fn answer(request: HttpRequest) -> Result<HttpResponse, Problem> {
    ServerCaller::check_before_routing(&request)?;
    Err(Problem::new(Reason::MethodUnsupported, "this server verifies by push only"))
}
