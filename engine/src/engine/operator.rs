//! Calls of the server's operator about an account.

use std::sync::Arc;

use countersign_core::account::AccountRecord;
use countersign_core::challenge::Challenge;
use countersign_core::device::Device;
use countersign_core::id::{AccountKey, TenantId};

use super::Engine;
use crate::error::Error;

/// An account as an operator sees it.
#[derive(Clone, Debug)]
pub struct AccountView {
    /// Revision, which rises with every change.
    pub revision: u64,
    /// Record of the account itself.
    pub record: AccountRecord,
    /// Devices of the account.
    pub devices: Vec<Arc<Device>>,
    /// Challenges of the account that have not ended.
    pub open: Vec<Arc<Challenge>>,
    /// Milliseconds until a new challenge may be issued to the user; 0 if that is possible now.
    pub prompt_wait_ms: u64,
    /// Milliseconds until the user's next number may be compared; 0 if that is possible now.
    pub number_wait_ms: u64,
}

impl Engine {
    /// Returns true if the tenant is configured.
    #[must_use]
    pub fn serves(&self, tenant: &TenantId) -> bool {
        self.shared.tenants.serves(tenant)
    }

    /// Returns an account as an operator sees it, or `None` for an unknown user.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the account's record cannot be read or changed now.
    pub async fn account_view(&self, key: &AccountKey) -> Result<Option<AccountView>, Error> {
        let now = self.shared.ports.clock.now();
        let limits = self.shared.tenants.get(&key.tenant)?.limits.clone();
        let view = self.shared.account(key, async move |w| {
            let account = w.account();
            Ok(account.record().map(|record| AccountView {
                revision: account.version().number,
                record: record.clone(),
                devices: account.devices().to_vec(),
                open: account.open().to_vec(),
                prompt_wait_ms: record.counters.prompt_wait_ms(now, &limits),
                number_wait_ms: record.counters.number_wait_ms(now, &limits),
            }))
        });
        view.await
    }

    /// Clears a user's holds after too many prompts or wrong numbers. Returns false for an unknown
    /// user.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the account's record cannot be read or changed now.
    pub async fn release_hold(&self, key: &AccountKey) -> Result<bool, Error> {
        self.shared.account(key, async |w| w.release_hold().await).await
    }
}
