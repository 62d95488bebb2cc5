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

use crate::answer::json;
use crate::caller::{DeviceCaller, EnrollingCaller, ReadingCaller, credential_key};
use crate::problem::Problem;
use crate::request::body::Body;
use crate::state::AppState;

/// Enrolls a key. Attestation data is ignored, and the response says so. If the key serves too many
/// users, the response says which binding receives no challenges.
///
/// # Errors
/// 400 for a key that is not acceptable, for a signing mode below that of the key or the tenant, or
/// for a key that signs statements without a proof; 401 `invalid_credential` for a proof that does
/// not verify, `invalid_token` for a ticket that is used or has expired; 403 for a further
/// authenticator without the scope for it.
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
    Ok(json(CredentialResponse {
        attestation: attested.then(|| "ignored".to_owned()),
        crowded: enrolled.crowded.map(|crowded| match crowded {
            Crowded::Other => device::Crowded::Other,
            Crowded::This => device::Crowded::This,
        }),
        ..CredentialResponse::new(device, device.signing)
    }))
}

/// Returns the first binding of a key. Bindings that their holder has confirmed come first, and
/// newer ones before older.
///
/// # Errors
/// 401 `invalid_credential` for a key that is not enrolled, or for a key that signs statements
/// without a device session; `invalid_token` or `expired_token` for a session that has ended.
pub async fn credential(
    ReadingCaller { key, session }: ReadingCaller,
    state: Data<AppState>,
) -> Result<HttpResponse, Problem> {
    let device = state.engine.credential(&key, session).await?;
    Ok(json(CredentialResponse::new(&device, device.signing)))
}

/// Updates every binding of a key.
///
/// # Errors
/// 401 `invalid_credential` for a key that is not enrolled, a nonce that the server did not issue,
/// a signature that does not verify, or one in another signing mode than the key's.
pub async fn update(
    caller: DeviceCaller,
    state: Data<AppState>,
    Body(body): Body<UpdateRequest>,
) -> Result<HttpResponse, Problem> {
    let (key, proof, refresh) = body.into_core()?;
    let key = credential_key(caller.tenant, &key);
    let sent = refresh.push_token.clone();
    let device = state.engine.refresh(&key, proof, refresh).await?;
    Ok(json(UpdateResponse::new(&device, sent.as_ref())))
}

/// Removes every binding of a key.
///
/// # Errors
/// 401 `invalid_credential` for a key that is not enrolled, a signature that does not verify, or
/// one in another signing mode than the key's.
pub async fn remove(
    caller: DeviceCaller,
    state: Data<AppState>,
    Body(body): Body<RemoveRequest>,
) -> Result<HttpResponse, Problem> {
    let (key, proof) = body.into_core()?;
    let key = credential_key(caller.tenant, &key);
    let removed = state.engine.remove_credential(&key, proof).await?;
    Ok(json(RemoveResponse { removed_authenticator_id: Some(removed.to_string()) }))
}
