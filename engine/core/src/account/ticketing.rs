//! Tickets of an account: making one, and using it up with an enrollment.

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
    /// Records a ticket. Beyond [`Limits::tickets_per_account_max`] it replaces a used ticket, or
    /// else the oldest, because the person looks at the newest.
    ///
    /// # Errors
    /// [`Refusal::ActionUnknown`] for an unknown user. [`Refusal::AddScopeMissing`] for a ticket
    /// that could add no authenticator, because its token may not: it would only push out others.
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

    /// A ticket whose time is not over, used or not.
    ///
    /// # Errors
    /// [`Refusal::TicketOver`].
    pub fn ticket(&self, digest: &Digest, now: UnixMillis) -> Result<&Ticket, Refusal> {
        let mut tickets = self.record.iter().flat_map(|record| &record.tickets);
        let ticket = tickets.find(|t| t.digest == *digest && t.is_live(now));
        ticket.ok_or(Refusal::TicketOver)
    }

    /// Finds the ticket that an enrollment names. A used ticket is valid only for the same key with
    /// a proof, so that a device whose answer was lost can ask again.
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

    /// The record in which a ticket is used up by a device.
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

/// The tickets of a record whose time is not over. Every change that looks at them drops the rest.
pub(super) fn live(record: &AccountRecord, now: UnixMillis) -> Vec<Ticket> {
    record.tickets.iter().filter(|ticket| ticket.is_live(now)).cloned().collect()
}
