//! The body of an event row, for events in the outbox.

use countersign_core::event::{Event, EventKind};
use countersign_core::id::{AuthenticatorId, ChallengeId, EventId};
use countersign_core::time::UnixMillis;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::{Invalid, account_key, action_key, authenticator};

/// The last field is the place of a state that a later server may keep: what the tenant's endpoint
/// has answered. This server reads a row with it and writes a row without it, so that nobody has to
/// convert an outbox then.
#[derive(Serialize, Deserialize)]
pub(in crate::store::record) struct EventRow<'a> {
    id: &'a str,
    kind: u8,
    tenant: &'a str,
    user: &'a str,
    challenge: &'a str,
    code: &'a str,
    idempotency_key: &'a str,
    by: Option<&'a str>,
    at: u64,
    calls: u32,
    due_at: u64,
    #[serde(default, skip_serializing)]
    #[expect(dead_code, reason = "this server has no use for it")]
    endpoint: IgnoredAny,
}

const REPORTED: u8 = 1;

const fn kind_code(kind: EventKind) -> u8 {
    match kind {
        EventKind::Reported => REPORTED,
    }
}

fn kind_of(number: u8) -> Result<EventKind, Invalid> {
    match number {
        REPORTED => Ok(EventKind::Reported),
        _ => Err(Invalid(format!("EventKind {number} is unknown"))),
    }
}

impl<'a> From<&'a Event> for EventRow<'a> {
    fn from(event: &'a Event) -> Self {
        Self {
            id: event.id.as_str(),
            kind: kind_code(event.kind),
            tenant: event.account.tenant.as_str(),
            user: event.account.user.as_str(),
            challenge: event.challenge.as_str(),
            code: event.action.code.as_str(),
            idempotency_key: event.action.idempotency_key.as_str(),
            by: event.by.as_ref().map(AuthenticatorId::as_str),
            at: event.at.0,
            calls: event.calls,
            due_at: event.due_at.0,
            endpoint: IgnoredAny,
        }
    }
}

impl TryFrom<EventRow<'_>> for Event {
    type Error = Invalid;

    fn try_from(row: EventRow<'_>) -> Result<Self, Invalid> {
        Ok(Self {
            id: EventId::parse(row.id)?,
            kind: kind_of(row.kind)?,
            account: account_key(row.tenant, row.user)?,
            challenge: ChallengeId::parse(row.challenge)?,
            action: action_key(row.code, row.idempotency_key)?,
            by: authenticator(row.by)?,
            at: UnixMillis(row.at),
            calls: row.calls,
            due_at: UnixMillis(row.due_at),
        })
    }
}
