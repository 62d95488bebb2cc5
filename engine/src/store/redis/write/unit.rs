//! Units, each with the type of its answer.

use countersign_core::event::Event;
use countersign_core::id::{AccountKey, EventId, TenantId};
use countersign_core::time::UnixMillis;
use redis::Value;
use tokio::sync::oneshot;

use super::super::keys::{Bucket, Names, Partition};
use super::super::partitions::Known;
use super::super::trouble::Trouble;
use crate::ports::store::StoreError;
use crate::system::Stopwatch;

/// Words of a unit for the script.
pub(in crate::store::redis) type Words = Vec<Vec<u8>>;

/// A unit of work: its words for the script, and the reading of the script's reply to them.
pub(in crate::store::redis) trait Unit: Send + 'static {
    /// Answer for the caller.
    type Answer: Send + 'static;

    /// Returns the name of what the unit changes. A group has at most one unit for each subject,
    /// because the order of two such units matters.
    fn subject(&self) -> Vec<u8>;

    fn partition(&self) -> Partition;

    fn words(&self, known: &Known) -> Words;

    /// Reads the reply: the values of a recorded unit, or a word with values that says why nothing
    /// was recorded.
    fn answer(&self, word: &str, values: Vec<Value>) -> Result<Self::Answer, Trouble>;
}

/// A unit with its caller, whatever the type of its answer is.
pub(in crate::store::redis) struct Waiting {
    _private: (),
}

impl Waiting {
    /// Makes a unit whose caller waits for the answer.
    pub(in crate::store::redis) fn new<U: Unit>(
        _unit: U,
        _since: Stopwatch,
    ) -> (Self, oneshot::Receiver<Result<U::Answer, StoreError>>) {
        todo!()
    }
}

/// Records a tenant's secret, if the tenant has none. The answer is the recorded one.
pub(in crate::store::redis) struct Secret {
    pub(in crate::store::redis) tenant: TenantId,
    pub(in crate::store::redis) fresh: [u8; 32],
}

/// Records the current time. The answer is the highest time that was recorded before.
pub(in crate::store::redis) struct Observe(pub(in crate::store::redis) UnixMillis);

/// Changes the due time of an event, if the event is still in the outbox.
pub(in crate::store::redis) struct PutOff(pub(in crate::store::redis) Event);

/// Removes an event that was delivered.
pub(in crate::store::redis) struct RemoveEvent(
    pub(in crate::store::redis) AccountKey,
    pub(in crate::store::redis) EventId,
);

/// Removes lifecycles without open challenges from an account's hash, if they are in a bucket
/// before this one. The answer is their number.
pub(in crate::store::redis) struct Forget {
    pub(in crate::store::redis) account: Names,
    pub(in crate::store::redis) before: Bucket,
}

macro_rules! later {
    ($($unit:ty => $answer:ty;)+) => {$(
        impl Unit for $unit {
            type Answer = $answer;

            fn subject(&self) -> Vec<u8> {
                todo!()
            }

            fn partition(&self) -> Partition {
                todo!()
            }

            fn words(&self, _known: &Known) -> Words {
                todo!()
            }

            fn answer(&self, _word: &str, _values: Vec<Value>) -> Result<$answer, Trouble> {
                todo!()
            }
        }
    )+};
}

later! {
    super::change::Commit => crate::ports::store::Committed;
    Secret => [u8; 32];
    Observe => UnixMillis;
    PutOff => ();
    RemoveEvent => ();
    Forget => u64;
}
