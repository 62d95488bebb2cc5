//! Settings of a tenant.

use std::sync::Arc;

use countersign_core::policy::{Limits, Unenrolled};

use crate::ports::Delivery;

/// A tenant's settings.
pub struct Tenant {
    /// Its limits.
    pub limits: Limits,
    /// Answer for users without an authenticator.
    pub unenrolled: Unenrolled,
    /// Names of custom data that a device may see.
    pub custom_public: Vec<String>,
    /// Waker of the users' devices. Without one they have to poll.
    pub delivery: Option<Arc<dyn Delivery>>,
}
