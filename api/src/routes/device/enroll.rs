//! `POST /client/user-authenticators/push`: binds a key to the user of a token or a ticket.

use actix_web::HttpResponse;
use actix_web::web::Data;
use countersign_core::account::Enroll;
use countersign_engine::Crowded;
use countersign_wire::device::{self, CredentialResponse, EnrollRequest};

use crate::caller::EnrollingCaller;
use crate::problem::Problem;
use crate::request::body::Body;
use crate::state::AppState;

/// Enrolls a key. Attestation data is ignored, which the answer says, and so does it say which
/// binding is shown nothing where the key serves too many users.
///
/// # Errors
/// 400 for a key that is not acceptable, that is to sign less than it does or the tenant takes, or
/// that is to sign statements without a proof; 401 `invalid_credential` for a proof that does not
/// verify, `invalid_token` for a ticket that is over; 403 for a further authenticator without the
/// scope for it.
pub async fn enroll(
    caller: EnrollingCaller,
    state: Data<AppState>,
    Body(body): Body<EnrollRequest>,
) -> Result<HttpResponse, Problem> {
    let attested = body.perform_attestation.is_some();
    let (enroll, proof) = body.into_core(caller.bearer)?;
    let (may_add, ticket) = (caller.may_add_authenticators, caller.ticket);
    let enroll = Enroll { may_add, ticket, ..enroll };
    let enrolled = state.engine.enroll(&caller.account, caller.grant, enroll, proof).await;
    let enrolled = enrolled.map_err(Problem::of_token)?;
    let device = &enrolled.device;
    Ok(HttpResponse::Ok().json(CredentialResponse {
        attestation: attested.then(|| "ignored".to_owned()),
        crowded: enrolled.crowded.map(|crowded| match crowded {
            Crowded::Other => device::Crowded::Other,
            Crowded::This => device::Crowded::This,
        }),
        ..CredentialResponse::new(device, device.signing)
    }))
}
