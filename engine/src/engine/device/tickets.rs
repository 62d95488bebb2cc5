//! One-time tickets, with which a device is enrolled without a token.

use countersign_core::account::Grant;
use countersign_core::id::AccountKey;
use countersign_core::refusal::Refusal;
use countersign_core::statement::Digest;
use countersign_core::ticket::{self, Ticket};
use countersign_core::time::UnixMillis;

use crate::engine::Engine;
use crate::error::Error;

/// Content of the token for which a ticket is made.
#[derive(Clone, Debug)]
pub struct TicketWish {
    /// Grant of the token.
    pub grant: Grant,
    /// True if the token allows a further authenticator.
    pub may_add: bool,
    /// End of the token, and so of the ticket.
    pub ends_at: UnixMillis,
}

/// A ticket, with the user it belongs to.
#[derive(Clone, Debug)]
pub struct HeldTicket {
    /// The user.
    pub account: AccountKey,
    /// The ticket.
    pub ticket: Ticket,
}

impl Engine {
    /// Makes a ticket, and returns its text. The store gets only a digest of the text.
    ///
    /// # Errors
    /// [`Error::Refused`] if the token could not enroll a device.
    pub async fn issue_ticket(
        &self,
        account: &AccountKey,
        wish: TicketWish,
    ) -> Result<String, Error> {
        let text = ticket::text(self.shared.ports.entropy.bytes());
        let TicketWish { grant, may_add, ends_at } = wish;
        let digest = Digest::of(&text);
        let (made_at, set_backs) = (self.shared.ports.clock.now(), self.set_backs().number());
        let ticket = Ticket { digest, grant, may_add, made_at, set_backs, ends_at, used_by: None };
        self.shared.account(account, async move |w| w.issue_ticket(ticket).await).await?;
        Ok(text)
    }

    /// Finds the ticket of a text, used or unused. The look-up is by the digest of the text, so
    /// that its duration gives no hint about a text that is nearly right.
    ///
    /// # Errors
    /// [`Error::Refused`] with [`Refusal::TicketOver`] for a ticket that is unknown or has expired,
    /// or whose token is no longer valid.
    pub async fn ticket(&self, text: &str) -> Result<HeldTicket, Error> {
        let over = || Error::from(Refusal::TicketOver);
        if !ticket::is_ticket(text) {
            return Err(over());
        }
        let digest = Digest::of(text);
        let account = self.shared.ports.store.account_of_ticket(&digest).await?.ok_or_else(over)?;
        // Tickets of a tenant that is no longer configured are invalid.
        if !self.shared.tenants.serves(&account.tenant) {
            return Err(over());
        }
        let asked = self.shared.account(&account, async move |w| w.ticket(&digest).await);
        let gone = [Refusal::ActionUnknown, Refusal::GrantOver].map(Error::from);
        let ticket = asked.await.map_err(|e| if gone.contains(&e) { over() } else { e })?;
        Ok(HeldTicket { account, ticket })
    }
}
