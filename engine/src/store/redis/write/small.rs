//! Units other than commits.

use countersign_core::event::Event;
use countersign_core::id::{AccountKey, EventId, TenantId};
use countersign_core::time::UnixMillis;

use super::super::keys::{self, Bucket, FIRST, Names, Partition};
use super::super::reply::{Said, number, row, unexpected};
use super::super::trouble::Trouble;
use super::unit::{Unit, Words};
use crate::store::record::Stored as _;

/// Records a tenant's secret, if the tenant has none. The answer is the recorded one.
pub(in crate::store::redis) struct Secret {
    pub(in crate::store::redis) tenant: TenantId,
    pub(in crate::store::redis) fresh: [u8; 32],
}

impl Unit for Secret {
    type Answer = [u8; 32];
    const KIND: &'static str = "secret";

    fn partition(&self) -> Partition {
        FIRST
    }

    fn record(&self) -> Vec<u8> {
        keys::SECRETS.into()
    }

    fn words(&self) -> Words {
        let mut words = Words::default();
        words.push(self.tenant.as_str());
        words.push(self.fresh.to_row());
        words
    }

    fn recorded(&self, mut said: Said) -> Result<[u8; 32], Trouble> {
        row(said.next())?.ok_or_else(|| unexpected("no secret"))
    }
}

/// Records the current time. The answer is the highest time that was recorded before, or the
/// current time if there was none.
pub(in crate::store::redis) struct Observe(pub(in crate::store::redis) UnixMillis);

impl Unit for Observe {
    type Answer = UnixMillis;
    const KIND: &'static str = "observe";

    fn partition(&self) -> Partition {
        FIRST
    }

    fn record(&self) -> Vec<u8> {
        keys::CLOCK.into()
    }

    fn words(&self) -> Words {
        let mut words = Words::default();
        words.push(self.0.0.to_string());
        words
    }

    fn recorded(&self, mut said: Said) -> Result<UnixMillis, Trouble> {
        number(said.next()).map(UnixMillis)
    }
}

/// Changes the due time of an event, if the event is still in the outbox.
pub(in crate::store::redis) struct PutOff(pub(in crate::store::redis) Event);

impl Unit for PutOff {
    type Answer = ();
    const KIND: &'static str = "put_off";

    fn partition(&self) -> Partition {
        Names::of(&self.0.account).partition()
    }

    fn record(&self) -> Vec<u8> {
        Names::of(&self.0.account).event(&self.0.id)
    }

    fn words(&self) -> Words {
        let mut words = Words::default();
        words.push(self.partition().events());
        words.push(Names::of(&self.0.account).event_member(&self.0.id));
        words.push(self.0.due_at.0.to_string());
        words.push(self.0.to_row());
        words
    }

    fn recorded(&self, _: Said) -> Result<(), Trouble> {
        Ok(())
    }
}

/// Removes an event that was delivered.
pub(in crate::store::redis) struct RemoveEvent(
    pub(in crate::store::redis) AccountKey,
    pub(in crate::store::redis) EventId,
);

impl Unit for RemoveEvent {
    type Answer = ();
    const KIND: &'static str = "remove_event";

    fn partition(&self) -> Partition {
        Names::of(&self.0).partition()
    }

    fn record(&self) -> Vec<u8> {
        Names::of(&self.0).event(&self.1)
    }

    fn words(&self) -> Words {
        let mut words = Words::default();
        words.push(self.partition().events());
        words.push(Names::of(&self.0).event_member(&self.1));
        words
    }

    fn recorded(&self, _: Said) -> Result<(), Trouble> {
        Ok(())
    }
}

/// Removes lifecycles without open challenges from an account's hash, if they are in a bucket
/// before this one. The answer is their number.
pub(in crate::store::redis) struct Forget {
    pub(in crate::store::redis) account: Names,
    pub(in crate::store::redis) before: Bucket,
}

impl Unit for Forget {
    type Answer = u64;
    const KIND: &'static str = "forget";

    fn partition(&self) -> Partition {
        self.account.partition()
    }

    fn record(&self) -> Vec<u8> {
        self.account.account()
    }

    fn words(&self) -> Words {
        let mut words = Words::default();
        words.push(self.before.0.to_be_bytes());
        words
    }

    fn recorded(&self, mut said: Said) -> Result<u64, Trouble> {
        number(said.next())
    }
}
