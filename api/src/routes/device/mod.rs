//! Routes for the app that holds a key (section 3 of the contract).

mod credential;
mod decide;
mod pending;
mod session;
mod ticket;

pub use credential::{credential, enroll, remove, update};
pub use decide::decide;
pub use pending::pending;
pub use session::{nonce, session, session_nonce, update_nonce};
pub use ticket::{open_ticket, ticket};

use countersign_core::id::{CredentialKey, TenantId};
use countersign_wire::publickey::PresentedKey;
use serde::Deserialize;

use crate::caller::credential_key;
use crate::problem::Problem;

/// The query by which a device names its key.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyQuery {
    public_key: String,
}

impl KeyQuery {
    fn credential(&self, tenant: TenantId) -> Result<CredentialKey, Problem> {
        Ok(credential_key(tenant, &PresentedKey::from_query(&self.public_key)?))
    }
}
