//! What the app calls that holds a key (section 3 of the contract).

mod credential;
mod decide;
mod enroll;
mod nonce;
mod pending;
mod remove;
mod update;

pub use credential::credential;
pub use decide::decide;
pub use enroll::enroll;
pub use nonce::{nonce, update_nonce};
pub use pending::pending;
pub use remove::remove;
pub use update::update;

use countersign_core::id::{CredentialKey, TenantId};
use countersign_core::signature::PublicKey;

fn credential_key(tenant: TenantId, key: &PublicKey) -> CredentialKey {
    CredentialKey { tenant, thumbprint: key.thumbprint() }
}
