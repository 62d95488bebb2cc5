//! `/operator/accounts/…`: an operator's commands for one account of a running server.

use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, HttpResponse};
use countersign_core::id::{AccountKey, AuthenticatorId, TenantId, UserId};
use countersign_core::refusal::Refusal;
use countersign_engine::{AccountView, Engine, Error};
use countersign_wire::operator::{OperatorAccount, OperatorCounters, OperatorDevice, OperatorDone};
use countersign_wire::reason::Reason;
use countersign_wire::time::Iso8601;

use crate::operator::OperatorKey;
use crate::problem::Problem;
use crate::request::path::Path;

fn account_key(engine: &Engine, tenant: &str, user: &str) -> Result<AccountKey, Problem> {
    let key = AccountKey { tenant: TenantId::parse(tenant)?, user: UserId::parse(user)? };
    if !engine.serves(&key.tenant) {
        return Err(Problem::new(Reason::TenantNotFound, "the tenant is not configured"));
    }
    Ok(key)
}

fn unknown() -> Problem {
    Problem::new(Reason::UserNotFound, "the user is not known")
}

/// Handles `GET`: returns the account.
///
/// # Errors
/// 401 without a valid key, 403 for another machine, 404 for a tenant or a user that is not known.
pub(super) async fn show(
    request: HttpRequest,
    key: Data<OperatorKey>,
    engine: Data<Engine>,
    Path(path): Path<(String, String)>,
) -> Result<Json<OperatorAccount>, Problem> {
    key.check(&request)?;
    let account = account_key(&engine, &path.0, &path.1)?;
    let view = engine.account_view(&account).await?.ok_or_else(unknown)?;
    Ok(Json(body(&account, &view)))
}

/// Handles `POST …/release-hold`: clears the user's holds.
///
/// # Errors
/// 401 without a valid key, 403 for another machine, 404 for a tenant or a user that is not known.
pub(super) async fn release_hold(
    request: HttpRequest,
    key: Data<OperatorKey>,
    engine: Data<Engine>,
    Path(path): Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    key.check(&request)?;
    let account = account_key(&engine, &path.0, &path.1)?;
    if !engine.release_hold(&account).await? {
        return Err(unknown());
    }
    tracing::warn!(tenant.id = %account.tenant, "an operator has released the holds of a user");
    Ok(done("the user may be asked again at once"))
}

/// Handles `DELETE …/devices/{userAuthenticatorId}`: revokes the device, and the challenges that
/// only this device could have answered.
///
/// # Errors
/// 401 without a valid key, 403 for another machine, 404 for a device that the user does not have.
pub(super) async fn revoke(
    request: HttpRequest,
    key: Data<OperatorKey>,
    engine: Data<Engine>,
    Path(path): Path<(String, String, String)>,
) -> Result<HttpResponse, Problem> {
    key.check(&request)?;
    let account = account_key(&engine, &path.0, &path.1)?;
    let unknown = || Problem::new(Reason::AuthenticatorNotFound, "the user has no such device");
    let id = AuthenticatorId::parse(&path.2).map_err(|_| unknown())?;
    match engine.remove_authenticator(&account, id).await {
        Ok(_) => {
            tracing::warn!(tenant.id = %account.tenant, "an operator has revoked a device");
            Ok(done("the device is revoked"))
        }
        Err(Error::Refused(Refusal::AuthenticatorUnknown)) => Err(unknown()),
        Err(error) => Err(error.into()),
    }
}

fn done(what: &str) -> HttpResponse {
    HttpResponse::Ok().json(OperatorDone { done: what.to_owned() })
}

fn body(account: &AccountKey, view: &AccountView) -> OperatorAccount {
    let counters = &view.record.counters;
    OperatorAccount {
        tenant_id: account.tenant.as_str().to_owned(),
        user_id: account.user.as_str().to_owned(),
        revision: view.revision,
        created_at: Iso8601(view.record.created_at).to_string(),
        counters: OperatorCounters {
            prompts: counters.prompts.len(),
            denials: counters.denials,
            reported_at: counters.reported_at.map(|at| Iso8601(at).to_string()),
            numbers: counters.numbers,
            prompt_wait_ms: view.prompt_wait_ms,
            number_wait_ms: view.number_wait_ms,
        },
        devices: view.devices.iter().map(|device| OperatorDevice::from(&**device)).collect(),
        open_challenges: view.open.iter().map(|challenge| challenge.as_ref().into()).collect(),
    }
}
