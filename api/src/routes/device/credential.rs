//! `/client/user-authenticators/push`: enrolls a key for the user of a token or a ticket, reads its
//! enrollment, updates its push token, and removes it.

use actix_web::HttpResponse;
use actix_web::web::Data;
use countersign_core::account::Enroll;
use countersign_engine::Crowded;
use countersign_wire::device::{
    self, CredentialResponse, EnrollRequest, RemoveRequest, RemoveResponse, UpdateRequest,
    UpdateResponse,
};

use crate::caller::{DeviceCaller, EnrollingCaller, ReadingCaller, credential_key};
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

/// Answers the first binding of a key: of those that its holder has confirmed, the newest.
///
/// # Errors
/// 401 `invalid_credential` for a key that is not enrolled, or that signs statements and is asked
/// about without a device session; `invalid_token` or `expired_token` for a session that is over.
pub async fn credential(
    ReadingCaller { key, session }: ReadingCaller,
    state: Data<AppState>,
) -> Result<HttpResponse, Problem> {
    let device = state.engine.credential(&key, session).await?;
    Ok(HttpResponse::Ok().json(CredentialResponse::new(&device, device.signing)))
}

/// Updates every binding of a key.
///
/// # Errors
/// 401 `invalid_credential` for a key that is not enrolled, a nonce that was not given out, a
/// signature that does not verify, or one that the key does not sign so.
pub async fn update(
    caller: DeviceCaller,
    state: Data<AppState>,
    Body(body): Body<UpdateRequest>,
) -> Result<HttpResponse, Problem> {
    let (key, proof, refresh) = body.into_core()?;
    let key = credential_key(caller.tenant, &key);
    let sent = refresh.push_token.clone();
    let device = state.engine.refresh(&key, proof, refresh).await?;
    Ok(HttpResponse::Ok().json(UpdateResponse::new(&device, sent.as_ref())))
}

/// Removes every binding of a key.
///
/// # Errors
/// 401 `invalid_credential` for a key that is not enrolled, a signature that does not verify, or
/// one that the key does not sign so.
pub async fn remove(
    caller: DeviceCaller,
    state: Data<AppState>,
    Body(body): Body<RemoveRequest>,
) -> Result<HttpResponse, Problem> {
    let (key, proof) = body.into_core()?;
    let key = credential_key(caller.tenant, &key);
    let removed = state.engine.remove_credential(&key, proof).await?;
    Ok(HttpResponse::Ok()
        .json(RemoveResponse { removed_authenticator_id: Some(removed.to_string()) }))
}
