//! Tenants and their settings.

use std::collections::HashMap;
use std::sync::Arc;

use countersign_core::id::TenantId;
use countersign_core::policy::{Limits, Unenrolled};

use crate::error::{Error, Unavailable};
use crate::ports::Delivery;

/// A tenant's settings.
pub struct Tenant {
    /// Limits of the tenant.
    pub limits: Limits,
    /// Decision about actions of users without an authenticator.
    pub unenrolled: Unenrolled,
    /// Names of the members of custom data that a device may show.
    pub custom_public: Vec<String>,
    /// Adapter that wakes the users' devices. If it is `None`, devices find challenges only by
    /// polling.
    pub delivery: Option<Arc<dyn Delivery>>,
}

/// The configured tenants.
pub(crate) struct Tenants(HashMap<TenantId, Arc<Tenant>>);

impl Tenants {
    pub(crate) fn new(tenants: HashMap<TenantId, Tenant>) -> Self {
        Self(tenants.into_iter().map(|(id, tenant)| (id, Arc::new(tenant))).collect())
    }

    /// Returns the settings of a tenant, or [`Unavailable::TenantMissing`]. A request does not meet
    /// that error, because its caller was authenticated against the same list of tenants.
    pub(crate) fn get(&self, id: &TenantId) -> Result<Arc<Tenant>, Error> {
        let unknown = || Unavailable::TenantMissing.into();
        self.0.get(id).cloned().ok_or_else(unknown)
    }

    /// Returns true if the tenant is configured.
    pub(crate) fn serves(&self, id: &TenantId) -> bool {
        self.0.contains_key(id)
    }
}
