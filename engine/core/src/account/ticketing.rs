//! Issue of an account's tickets, and their use for an enrollment.

use super::{Account, AccountRecord, Enroll};
use crate::change::{Transition, Write};
use crate::device::Device;
use crate::id::AuthenticatorId;
use crate::policy::Limits;
use crate::refusal::Refusal;
use crate::statement::Digest;
use crate::ticket::Ticket;
use crate::time::UnixMillis;

impl Account {
    /// Adds a ticket to the account. If the account has [`Limits::tickets_per_account_max`]
    /// tickets, the new one replaces a used one, or else the oldest, because the user sees the
    /// newest.
    ///
    /// # Errors
    /// [`Refusal::ActionUnknown`] for an unknown user. [`Refusal::AddScopeMissing`] if the user is
    /// enrolled and the ticket must not add an authenticator, because such a ticket would be
    /// useless and would still replace another.
    pub fn issue_ticket(
        &self,
        ticket: Ticket,
        now: UnixMillis,
        limits: &Limits,
    ) -> Result<Transition<()>, Refusal> {
        let record = self.record.as_ref().ok_or(Refusal::ActionUnknown)?;
        if self.is_enrolled() && !ticket.may_add {
            return Err(Refusal::AddScopeMissing);
        }
        let mut tickets = live(record, now);
        while tickets.len() >= limits.tickets_per_account_max.max(1) {
            let used = tickets.iter().position(|t| t.used_by.is_some());
            tickets.remove(used.unwrap_or(0));
        }
        tickets.push(ticket);
        let record = AccountRecord { tickets, ..record.clone() };
        Ok(self.transition(vec![Write::Account(record)], ()))
    }

    /// Returns the ticket of this digest if it has not expired, even if it was used.
    ///
    /// # Errors
    /// [`Refusal::TicketOver`] if the ticket is unknown or has expired.
    pub fn ticket(&self, digest: &Digest, now: UnixMillis) -> Result<&Ticket, Refusal> {
        let mut tickets = self.record.iter().flat_map(|record| &record.tickets);
        let ticket = tickets.find(|t| t.digest == *digest && t.is_live(now));
        ticket.ok_or(Refusal::TicketOver)
    }

    /// Returns the ticket that an enrollment names, or `None` if it names none. A used ticket is
    /// accepted only for the key that used it and with a proof of possession, so that a device that
    /// did not receive the response can retry.
    pub(super) fn redeemed(
        &self,
        enroll: &Enroll,
        known: Option<&Device>,
        now: UnixMillis,
    ) -> Result<Option<&Ticket>, Refusal> {
        let Some(digest) = &enroll.ticket else { return Ok(None) };
        let ticket = self.ticket(digest, now)?;
        let repeats = |by: &AuthenticatorId| {
            enroll.is_proven() && known.is_some_and(|device| device.id == *by)
        };
        if ticket.used_by.as_ref().is_none_or(repeats) {
            return Ok(Some(ticket));
        }
        Err(Refusal::TicketOver)
    }

    /// Returns the account's record after the device `by` has used the ticket. Expired tickets are
    /// dropped.
    pub(super) fn used_up(
        &self,
        ticket: &Ticket,
        by: &Device,
        now: UnixMillis,
    ) -> Option<AccountRecord> {
        let record = self.record.as_ref()?;
        let mut tickets = live(record, now);
        for known in tickets.iter_mut().filter(|t| t.digest == ticket.digest) {
            known.used_by = Some(by.id.clone());
        }
        Some(AccountRecord { tickets, ..record.clone() })
    }
}

/// Returns the tickets of a record that have not expired. Every change that copies tickets with
/// this function drops the expired ones.
pub(super) fn live(record: &AccountRecord, now: UnixMillis) -> Vec<Ticket> {
    record.tickets.iter().filter(|ticket| ticket.is_live(now)).cloned().collect()
}
