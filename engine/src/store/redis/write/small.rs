//! Units other than commits.

use countersign_core::event::Event;
use countersign_core::id::{AccountKey, EventId, TenantId};
use countersign_core::time::UnixMillis;

use super::super::keys::{self, Bucket, FIRST, Names, Partition};
use super::super::reply::{Said, number, row, unexpected};
use super::super::trouble::Trouble;
use super::unit::{Unit, Words};
use crate::store::record::Stored as _;

/// A unit other than a commit, whose answer is a `T`.
pub(in crate::store::redis) struct Small<T> {
    kind: &'static str,
    partition: Partition,
    record: Vec<u8>,
    words: Vec<Vec<u8>>,
    read: fn(Said) -> Result<T, Trouble>,
}

impl<T: Send + 'static> Unit for Small<T> {
    type Answer = T;

    fn kind(&self) -> &'static str {
        self.kind
    }

    fn partition(&self) -> Partition {
        self.partition
    }

    fn record(&self) -> Vec<u8> {
        self.record.clone()
    }

    fn words(&self) -> Words {
        let mut words = Words::default();
        self.words.iter().for_each(|word| words.push(word));
        words
    }

    fn recorded(&self, said: Said) -> Result<T, Trouble> {
        (self.read)(said)
    }
}

/// Kind of the unit that records the time.
pub(super) const OBSERVE: &str = "observe";

/// Records a tenant's secret, if the tenant has none. The answer is the recorded one.
pub(in crate::store::redis) fn secret(tenant: &TenantId, fresh: [u8; 32]) -> Small<[u8; 32]> {
    let words = vec![tenant.as_str().into(), fresh.to_row()];
    let read = |mut said: Said| row(said.next())?.ok_or_else(|| unexpected("no secret"));
    Small { kind: "secret", partition: FIRST, record: keys::SECRETS.into(), words, read }
}

/// Records the current time. The answer is the highest time that was recorded before, or the
/// current time if there was none.
pub(in crate::store::redis) fn observe(now: UnixMillis) -> Small<UnixMillis> {
    let words = vec![now.0.to_string().into()];
    let read = |mut said: Said| number(said.next()).map(UnixMillis);
    Small { kind: OBSERVE, partition: FIRST, record: keys::CLOCK.into(), words, read }
}

/// Changes the due time of an event, if the event is still in the outbox.
pub(in crate::store::redis) fn put_off(event: &Event) -> Small<()> {
    let more = [event.due_at.0.to_string().into(), event.to_row()];
    of_event("put_off", &event.account, &event.id, more)
}

/// Removes an event that was delivered.
pub(in crate::store::redis) fn remove_event(account: &AccountKey, id: &EventId) -> Small<()> {
    of_event("remove_event", account, id, [])
}

fn of_event(
    kind: &'static str,
    account: &AccountKey,
    id: &EventId,
    more: impl IntoIterator<Item = Vec<u8>>,
) -> Small<()> {
    let names = Names::of(account);
    let index = [names.partition().events().into(), names.event_member(id)];
    let words = index.into_iter().chain(more).collect();
    Small { kind, partition: names.partition(), record: names.event(id), words, read: |_| Ok(()) }
}

/// Removes lifecycles without open challenges from an account's hash, if they are in a bucket
/// before this one. The answer is their number.
pub(in crate::store::redis) fn forget(account: Names, before: Bucket) -> Small<u64> {
    let (partition, record) = (account.partition(), account.account());
    let words = vec![before.0.to_be_bytes().into()];
    Small { kind: "forget", partition, record, words, read: |mut said| number(said.next()) }
}
