//! Finding the account that a ticket is of.

use std::collections::HashMap;

use countersign_core::account::AccountRecord;
use countersign_core::id::AccountKey;
use countersign_core::statement::Digest;

/// The tickets of all accounts.
#[derive(Default)]
pub(super) struct Tickets(HashMap<Digest, AccountKey>);

impl Tickets {
    /// Takes out those of a record and puts in those of another.
    pub(super) fn replace(
        &mut self,
        key: &AccountKey,
        before: Option<&AccountRecord>,
        after: Option<&AccountRecord>,
    ) {
        for ticket in before.into_iter().flat_map(|record| &record.tickets) {
            self.0.remove(&ticket.digest);
        }
        for ticket in after.into_iter().flat_map(|record| &record.tickets) {
            self.0.insert(ticket.digest, key.clone());
        }
    }

    pub(super) fn account(&self, ticket: &Digest) -> Option<AccountKey> {
        self.0.get(ticket).cloned()
    }
}
