//! Look-up of users by attributes.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use countersign_core::account::AccountRecord;
use countersign_core::id::{AccountKey, TenantId, UserId};

use super::entry::Entry;
use crate::ports::store::UserQuery;
use crate::store::{folded, has_attributes};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Email,
    Phone,
    Username,
}

impl Kind {
    /// A text as the index holds it.
    fn indexed(self, text: &str) -> String {
        match self {
            Self::Email => folded(text),
            Self::Phone | Self::Username => text.to_owned(),
        }
    }
}

/// Every attribute of every user, in the order of the users who share it.
#[derive(Default)]
pub(super) struct Attributes(BTreeSet<(TenantId, Kind, String, UserId)>);

impl Attributes {
    /// Replaces the entries of one record by those of another.
    pub(super) fn replace(
        &mut self,
        key: &AccountKey,
        before: Option<&AccountRecord>,
        after: Option<&AccountRecord>,
    ) {
        for (kind, text) in before.into_iter().flat_map(of) {
            self.0.remove(&(key.tenant.clone(), kind, text, key.user.clone()));
        }
        for (kind, text) in after.into_iter().flat_map(of) {
            self.0.insert((key.tenant.clone(), kind, text, key.user.clone()));
        }
    }

    fn users<'a>(
        &'a self,
        tenant: &'a TenantId,
        kind: Kind,
        text: &str,
        after: Option<&'a UserId>,
    ) -> impl Iterator<Item = &'a UserId> {
        let text = kind.indexed(text);
        // Without `after`, the range starts at the lowest possible user id, and so has all users.
        // With `after`, the filter below leaves that user out.
        let lowest = UserId::parse(" ").expect("a space is a user id");
        let start = after.cloned().unwrap_or(lowest);
        let from = (tenant.clone(), kind, text.clone(), start);
        self.0
            .range(from..)
            .take_while(move |(t, k, x, _)| t == tenant && *k == kind && *x == text)
            .map(|(.., user)| user)
            .filter(move |user| after != Some(*user))
    }
}

fn of(record: &AccountRecord) -> impl Iterator<Item = (Kind, String)> {
    let profile = &record.profile;
    [
        (Kind::Email, &profile.email),
        (Kind::Phone, &profile.phone_number),
        (Kind::Username, &profile.username),
    ]
    .into_iter()
    .filter_map(|(kind, line)| Some((kind, kind.indexed(line.as_ref()?.as_str()))))
}

/// The users with all the given attributes, by id.
pub(super) fn users(
    accounts: &BTreeMap<AccountKey, Entry>,
    attributes: &Attributes,
    tenant: &TenantId,
    query: &UserQuery,
) -> Vec<(UserId, AccountRecord)> {
    let asked = [
        (Kind::Email, &query.email),
        (Kind::Phone, &query.phone_number),
        (Kind::Username, &query.username),
    ];
    let mut asked = asked.into_iter().filter_map(|(kind, text)| Some((kind, text.as_ref()?)));
    let found = |user: &UserId| {
        let key = AccountKey { tenant: tenant.clone(), user: user.clone() };
        let record = accounts.get(&key)?.record.as_ref()?;
        has_attributes(record, query).then(|| (user.clone(), record.clone()))
    };
    let after = query.after.as_ref();
    if let Some((kind, text)) = asked.next() {
        let users = attributes.users(tenant, kind, text, after);
        return users.filter_map(found).take(query.limit).collect();
    }
    let lowest = UserId::parse(" ").expect("a space is a user id");
    let key = |user: &UserId| AccountKey { tenant: tenant.clone(), user: user.clone() };
    let start = after.map_or_else(|| Bound::Included(key(&lowest)), |a| Bound::Excluded(key(a)));
    accounts
        .range((start, Bound::Unbounded))
        .take_while(|(key, _)| key.tenant == *tenant)
        .filter_map(|(key, _)| found(&key.user))
        .take(query.limit)
        .collect()
}
