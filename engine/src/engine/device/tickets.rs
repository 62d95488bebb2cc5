//! One-time tickets, which enroll a device in the place of a token.

use countersign_core::account::Grant;
use countersign_core::id::AccountKey;
use countersign_core::refusal::Refusal;
use countersign_core::statement::Digest;
use countersign_core::ticket::{self, Ticket};
use countersign_core::time::UnixMillis;

use crate::engine::Engine;
use crate::error::Error;

/// Content of a token that a ticket is made with.
#[derive(Clone, Debug)]
pub struct TicketWish {
    /// The right behind the token.
    pub grant: Grant,
    /// True if it allows a further authenticator.
    pub may_add: bool,
    /// Its end, which is the ticket's.
    pub ends_at: UnixMillis,
}

/// A ticket, and whose it is.
#[derive(Clone, Debug)]
pub struct HeldTicket {
    /// The user.
    pub account: AccountKey,
    /// The ticket.
    pub ticket: Ticket,
}

impl Engine {
    /// Makes a ticket. The answer is its text, which is kept nowhere.
    ///
    /// # Errors
    /// [`Error::Refused`] where the token could enroll nothing.
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

    /// The ticket of a text, whether it is used or not. It is looked up by the digest of its text:
    /// the time of a look-up says nothing about a text that was nearly right.
    ///
    /// # Errors
    /// [`Error::Refused`] with [`Refusal::TicketOver`] for a ticket that is unknown, or over, or
    /// whose token holds no longer.
    pub async fn ticket(&self, text: &str) -> Result<HeldTicket, Error> {
        let over = || Error::from(Refusal::TicketOver);
        if !ticket::is_ticket(text) {
            return Err(over());
        }
        let digest = Digest::of(text);
        let account = self.shared.ports.store.account_of_ticket(&digest).await?.ok_or_else(over)?;
        // A tenant that is configured no more has no tickets either.
        if !self.shared.tenants.serves(&account.tenant) {
            return Err(over());
        }
        let asked = self.shared.account(&account, async move |w| w.ticket(&digest).await);
        let gone = [Refusal::ActionUnknown, Refusal::GrantOver].map(Error::from);
        let ticket = asked.await.map_err(|e| if gone.contains(&e) { over() } else { e })?;
        Ok(HeldTicket { account, ticket })
    }
}
