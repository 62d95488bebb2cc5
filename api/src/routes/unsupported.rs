//! The known routes of other methods: answered in JSON, so that an SDK that tries one can say why.

use actix_web::HttpResponse;
use countersign_wire::reason::Reason;

use crate::problem::Problem;

/// Routes that the SDKs have and this server has no method for.
pub(super) const PATHS: &[&str] = &[
    "/authenticators",
    "/challenge",
    "/challenges",
    // Two SDKs build the path of `GET /challenges` wrongly, each in its own way.
    "/challengeschallengeId={rest:.*}",
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

/// 400 `invalid_configuration`.
pub(super) async fn answer() -> Result<HttpResponse, Problem> {
    Err(Problem::new(Reason::MethodUnsupported, "this server verifies by push only"))
}
