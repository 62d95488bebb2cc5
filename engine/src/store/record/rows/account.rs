//! The body of an account row.

use std::sync::Arc;

use countersign_core::account::{AccountRecord, Grant, Profile};
use countersign_core::action::Birth;
use countersign_core::fatigue::Counters;
use countersign_core::id::AuthenticatorId;
use countersign_core::statement::Digest;
use countersign_core::ticket::Ticket;
use countersign_core::time::UnixMillis;
use serde::{Deserialize, Serialize};

use super::{Invalid, action_key, authenticator, line, text};

#[derive(Serialize, Deserialize)]
pub(in crate::store::record) struct AccountRow<'a> {
    created_at: u64,
    #[serde(borrow)]
    email: Option<&'a str>,
    email_verified: bool,
    phone_number: Option<&'a str>,
    phone_number_verified: bool,
    username: Option<&'a str>,
    display_name: Option<&'a str>,
    locale: Option<&'a str>,
    custom: Option<&'a str>,
    #[serde(default)]
    counters: CountersRow,
    /// Not written if empty, because most accounts have a ticket only for minutes of their life.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tickets: Vec<TicketRow<'a>>,
}

#[derive(Serialize, Deserialize)]
struct TicketRow<'a> {
    #[serde(borrow, with = "serde_bytes")]
    digest: &'a [u8],
    code: &'a str,
    idempotency_key: &'a str,
    issued_at: u64,
    is_verified: bool,
    may_add: bool,
    ends_at: u64,
    used_by: Option<&'a str>,
    /// Milliseconds and revision of the action's [`Birth`]: when the action was created.
    born: Option<(u64, u64)>,
    /// The time at which the ticket was made, in milliseconds, and the number of the last set-back
    /// at that time. None if the ticket was made at the time of its token and before any set-back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    made: Option<(u64, u64)>,
}

#[derive(Default, Serialize, Deserialize)]
pub(in crate::store::record) struct CountersRow {
    prompts: Vec<u64>,
    denials: u32,
    denied_at: u64,
    reported_at: Option<u64>,
    numbers: u32,
    number_at: u64,
    /// Not written if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    unreached: Vec<u64>,
}

impl<'a> From<&'a AccountRecord> for AccountRow<'a> {
    fn from(record: &'a AccountRecord) -> Self {
        let profile = &record.profile;
        Self {
            created_at: record.created_at.0,
            email: text(&profile.email),
            email_verified: profile.email_verified,
            phone_number: text(&profile.phone_number),
            phone_number_verified: profile.phone_number_verified,
            username: text(&profile.username),
            display_name: text(&profile.display_name),
            locale: text(&profile.locale),
            custom: profile.custom.as_deref(),
            counters: (&record.counters).into(),
            tickets: record.tickets.iter().map(TicketRow::from).collect(),
        }
    }
}

impl TryFrom<AccountRow<'_>> for AccountRecord {
    type Error = Invalid;

    fn try_from(row: AccountRow<'_>) -> Result<Self, Invalid> {
        let profile = Profile {
            email: line(row.email),
            email_verified: row.email_verified,
            phone_number: line(row.phone_number),
            phone_number_verified: row.phone_number_verified,
            username: line(row.username),
            display_name: line(row.display_name),
            locale: line(row.locale),
            custom: row.custom.map(Arc::from),
        };
        let tickets = row.tickets.into_iter().map(Ticket::try_from).collect::<Result<_, _>>()?;
        let (created_at, counters) = (UnixMillis(row.created_at), row.counters.into());
        Ok(Self { created_at, profile, counters, tickets })
    }
}

impl<'a> From<&'a Ticket> for TicketRow<'a> {
    fn from(ticket: &'a Ticket) -> Self {
        let Grant { action, issued_at, is_verified, born } = &ticket.grant;
        Self {
            digest: ticket.digest.as_bytes(),
            code: action.code.as_str(),
            idempotency_key: action.idempotency_key.as_str(),
            issued_at: issued_at.0,
            is_verified: *is_verified,
            may_add: ticket.may_add,
            ends_at: ticket.ends_at.0,
            used_by: ticket.used_by.as_ref().map(AuthenticatorId::as_str),
            born: born.map(|born| (born.at.0, born.revision)),
            made: Some((ticket.made_at.0, ticket.set_backs))
                .filter(|made| *made != (issued_at.0, 0)),
        }
    }
}

impl TryFrom<TicketRow<'_>> for Ticket {
    type Error = Invalid;

    fn try_from(row: TicketRow<'_>) -> Result<Self, Invalid> {
        let digest = row.digest.try_into();
        let digest = digest.map_err(|_| Invalid("a ticket's digest is not 32 bytes".to_owned()))?;
        let (issued_at, is_verified) = (UnixMillis(row.issued_at), row.is_verified);
        let action = action_key(row.code, row.idempotency_key)?;
        let born = row.born.map(|(at, revision)| Birth { at: UnixMillis(at), revision });
        Ok(Self {
            digest: Digest::from_bytes(digest),
            grant: Grant { action, issued_at, is_verified, born },
            may_add: row.may_add,
            made_at: row.made.map_or(issued_at, |(at, _)| UnixMillis(at)),
            set_backs: row.made.map_or(0, |(_, number)| number),
            ends_at: UnixMillis(row.ends_at),
            used_by: authenticator(row.used_by)?,
        })
    }
}

impl From<&Counters> for CountersRow {
    fn from(counters: &Counters) -> Self {
        Self {
            prompts: counters.prompts.iter().map(|at| at.0).collect(),
            denials: counters.denials,
            denied_at: counters.denied_at.0,
            reported_at: counters.reported_at.map(|at| at.0),
            numbers: counters.numbers,
            number_at: counters.number_at.0,
            unreached: counters.unreached.iter().map(|at| at.0).collect(),
        }
    }
}

impl From<CountersRow> for Counters {
    fn from(row: CountersRow) -> Self {
        Self {
            prompts: row.prompts.into_iter().map(UnixMillis).collect(),
            denials: row.denials,
            denied_at: UnixMillis(row.denied_at),
            reported_at: row.reported_at.map(UnixMillis),
            numbers: row.numbers,
            number_at: UnixMillis(row.number_at),
            unreached: row.unreached.into_iter().map(UnixMillis).collect(),
        }
    }
}
