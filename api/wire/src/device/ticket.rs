//! Bodies for one-time tickets. A ticket enrolls one key, and the device sends it in place of a
//! token.

use countersign_core::id::AccountKey;
use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// Response to `POST /client/user-authenticators/push/ticket`. The request has no body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TicketResponse {
    /// The ticket: 22 characters of base64url. The device sends it as the bearer token of one
    /// enrollment.
    pub ticket: Secret,
    /// Lifetime of the ticket, in seconds.
    pub expires_in: u64,
}

/// Body of `POST /client/user-authenticators/push/ticket/open`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenTicketRequest {
    /// The ticket.
    pub ticket: Secret,
}

/// Response to an [`OpenTicketRequest`]. It names the account that the ticket is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenTicketResponse {
    /// Id of the tenant.
    pub tenant_id: String,
    /// Id of the tenant's user.
    pub user_id: String,
    /// Remaining lifetime of the ticket, in seconds.
    pub expires_in: u64,
}

impl OpenTicketResponse {
    /// Makes the response about a ticket of this account.
    #[must_use]
    pub fn new(account: &AccountKey, expires_in: u64) -> Self {
        let AccountKey { tenant, user } = account;
        let (tenant_id, user_id) = (tenant.as_str().to_owned(), user.as_str().to_owned());
        Self { tenant_id, user_id, expires_in }
    }
}
