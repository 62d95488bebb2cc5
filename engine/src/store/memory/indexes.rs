//! Indexes that find users by attribute or ticket.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use countersign_core::account::AccountRecord;
use countersign_core::id::{AccountKey, TenantId, UserId};
use countersign_core::statement::Digest;

use super::entry::Entry;
use crate::ports::store::UserQuery;
use crate::store::{asked_attributes, attributes, has_attributes};

/// The indexes over all account records.
#[derive(Default)]
pub(super) struct Indexes {
    /// Every attribute of every user. Users who share an attribute are ordered by id.
    attributes: BTreeSet<(TenantId, &'static str, String, UserId)>,
    pub(super) tickets: HashMap<Digest, AccountKey>,
}

impl Indexes {
    /// Replaces the index entries of an account's old record by those of its new one.
    pub(super) fn replace(
        &mut self,
        key: &AccountKey,
        before: Option<&AccountRecord>,
        after: Option<&AccountRecord>,
    ) {
        let entry = |kind, text| (key.tenant.clone(), kind, text, key.user.clone());
        if let Some(before) = before {
            for (kind, text) in attributes(before) {
                self.attributes.remove(&entry(kind, text));
            }
            before.tickets.iter().for_each(|ticket| {
                self.tickets.remove(&ticket.digest);
            });
        }
        if let Some(after) = after {
            self.attributes.extend(attributes(after).map(|(kind, text)| entry(kind, text)));
            self.tickets.extend(after.tickets.iter().map(|ticket| (ticket.digest, key.clone())));
        }
    }
}

/// Returns the users that have all attributes of the query, ordered by id.
pub(super) fn users(
    accounts: &BTreeMap<AccountKey, Entry>,
    indexes: &Indexes,
    tenant: &TenantId,
    query: &UserQuery,
) -> Vec<(UserId, AccountRecord)> {
    let found = |user: &UserId| {
        let key = AccountKey { tenant: tenant.clone(), user: user.clone() };
        let record = accounts.get(&key)?.record.as_ref()?;
        has_attributes(record, query).then(|| (user.clone(), record.clone()))
    };
    // The lowest possible user id, because a range of keys needs a first user.
    let lowest = || Bound::Included(UserId::parse(" ").expect("a space is a user id"));
    let start = query.after.clone().map_or_else(lowest, Bound::Excluded);
    let Some((kind, text)) = asked_attributes(query).next() else {
        let start = start.map(|user| AccountKey { tenant: tenant.clone(), user });
        let users = accounts.range((start, Bound::Unbounded)).map(|(key, _)| key);
        let users = users.take_while(|key| key.tenant == *tenant);
        return users.filter_map(|key| found(&key.user)).take(query.limit).collect();
    };
    let start = start.map(|user| (tenant.clone(), kind, text.clone(), user));
    let users = indexes.attributes.range((start, Bound::Unbounded));
    let users = users.take_while(|(t, k, x, _)| (t, k, x) == (tenant, &kind, &text));
    users.filter_map(|(.., user)| found(user)).take(query.limit).collect()
}
