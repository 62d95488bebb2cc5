//! Calls of the server's operator on an account.

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
    /// Number of changes.
    pub revision: u64,
    /// Its own record.
    pub record: AccountRecord,
    /// Its devices.
    pub devices: Vec<Arc<Device>>,
    /// Its challenges that have not ended.
    pub open: Vec<Arc<Challenge>>,
    /// Milliseconds until the user may be asked again; 0 where at once.
    pub prompt_wait_ms: u64,
    /// Milliseconds until a number may be compared again; 0 where at once.
    pub number_wait_ms: u64,
}

impl Engine {
    /// Tells whether a tenant is configured.
    #[must_use]
    pub fn serves(&self, tenant: &TenantId) -> bool {
        self.shared.tenants.serves(tenant)
    }

    /// An account; none where the user is not known.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn account_view(&self, key: &AccountKey) -> Result<Option<AccountView>, Error> {
        let now = self.shared.ports.clock.now();
        let limits = self.shared.tenants.get(&key.tenant)?.limits.clone();
        let view = self.shared.account(key, async move |w| {
            let account = w.account();
            Ok(account.record().map(|record| AccountView {
                revision: account.revision(),
                record: record.clone(),
                devices: account.devices().to_vec(),
                open: account.open().to_vec(),
                prompt_wait_ms: record.counters.prompt_wait_ms(now, &limits),
                number_wait_ms: record.counters.number_wait_ms(now, &limits),
            }))
        });
        view.await
    }

    /// Clears a user's holds. False if the user is unknown.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn release_hold(&self, key: &AccountKey) -> Result<bool, Error> {
        self.shared.account(key, async |w| w.release_hold().await).await
    }
}
