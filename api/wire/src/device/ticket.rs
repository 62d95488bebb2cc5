//! One-time tickets: each enrolls one key in the place of a token.

use countersign_core::id::AccountKey;
use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// Answer to `POST /client/user-authenticators/push/ticket`, which has no body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TicketResponse {
    /// The ticket: 22 characters of base64url. It is the bearer of one enrollment.
    pub ticket: Secret,
    /// Lifetime of the ticket, in seconds.
    pub expires_in: u64,
}

/// `POST /client/user-authenticators/push/ticket/open`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenTicketRequest {
    /// The ticket.
    pub ticket: Secret,
}

/// Answer to [`OpenTicketRequest`]: whom the ticket is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenTicketResponse {
    /// The tenant.
    pub tenant_id: String,
    /// Its user.
    pub user_id: String,
    /// Rest of the ticket's lifetime, in seconds.
    pub expires_in: u64,
}

impl OpenTicketResponse {
    /// The answer about a ticket of an account.
    #[must_use]
    pub fn new(account: &AccountKey, expires_in: u64) -> Self {
        let AccountKey { tenant, user } = account;
        let (tenant_id, user_id) = (tenant.as_str().to_owned(), user.as_str().to_owned());
        Self { tenant_id, user_id, expires_in }
    }
}
