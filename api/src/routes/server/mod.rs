//! Routes for a relying party's backend (section 1 of the contract).

mod action;
mod authenticators;
mod track;
mod user;
mod validate;

pub use action::{get_action, query_actions, update_action};
pub use authenticators::{delete_authenticator, list_authenticators};
pub use track::track;
pub use user::{delete_user, get_user, query_users, update_user};
pub use validate::validate;

use countersign_core::id::{AccountKey, ActionCode, ActionKey, IdempotencyKey, TenantId, UserId};
use countersign_wire::InvalidField;

use crate::problem::Problem;

fn account(tenant: TenantId, user: &str) -> Result<AccountKey, Problem> {
    Ok(AccountKey { tenant, user: UserId::parse(user)? })
}

/// Returns the key of an account that may be created. `.` and `..` are refused as ids, because
/// clients and proxies remove them from a path, so that the user could be neither read nor deleted.
fn new_account(tenant: TenantId, user: &str) -> Result<AccountKey, Problem> {
    addressable("userId", user)?;
    account(tenant, user)
}

/// Refuses a name that clients and proxies would remove from a path.
fn addressable(field: &'static str, name: &str) -> Result<(), Problem> {
    if matches!(name, "." | "..") {
        return Err(InvalidField::new(field, "must not be . or ..").into());
    }
    Ok(())
}

fn action_key(code: &str, key: &str) -> Result<ActionKey, Problem> {
    let idempotency_key = IdempotencyKey::parse(key)?;
    Ok(ActionKey { code: ActionCode::parse(code)?, idempotency_key })
}
