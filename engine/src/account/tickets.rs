//! Tickets of the account: making one, and looking at one.

use countersign_core::statement::Digest;
use countersign_core::ticket::Ticket;

use super::AccountWriter;
use crate::error::Error;

impl AccountWriter {
    pub(crate) async fn issue_ticket(&mut self, ticket: Ticket) -> Result<(), Error> {
        self.granted(&ticket.grant).await?;
        let transition = self.account.issue_ticket(ticket, self.now(), &self.tenant.limits)?;
        self.record(transition).await
    }

    /// Gives a ticket whose time is not over, if the right of its token still holds.
    pub(crate) async fn ticket(&mut self, digest: &Digest) -> Result<Ticket, Error> {
        let ticket = self.account.ticket(digest, self.now())?.clone();
        self.granted(&ticket.grant).await?;
        Ok(ticket)
    }
}
