//! Beginning of a store, and acceptance of a loss: what only an operator's command does.

use std::sync::Arc;

use redis::Value;

use super::super::keys::{self, Partition};
use super::super::link::Link;
use super::super::owner::{FORMAT, LAYOUT, Owner, hex, mode};
use super::super::reply::{array, said, text, unexpected};
use super::super::script::{ACCEPT, BEGIN, Call, IMPORTED};
use super::super::settings::Opening;
use super::super::trouble::{OLD, Trouble};
use super::super::{RedisSettings, RedisStore};
use crate::ports::Entropy;
use crate::ports::store::StoreError;

/// Approximate number of keys that Redis examines in one step of a search.
const LOOKED_AT: u32 = 10_000;

/// A recorded loss that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Index of the partition, 0 to 63.
    pub partition: usize,
    /// The most commits that can be lost.
    pub commits: u64,
    /// Time at which the loss was noticed, in milliseconds since 1970.
    pub since: u64,
}

impl RedisStore {
    /// Begins a store in a Redis that holds nothing of Countersign.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if Redis cannot be reached or used, or holds anything of
    /// Countersign, of any layout.
    pub async fn begin(
        settings: RedisSettings,
        entropy: Arc<dyn Entropy>,
    ) -> Result<(), StoreError> {
        let link = super::connect(&settings).await?;
        Ok(begin(&link, &*entropy, settings.opening).await?)
    }

    /// Ends an import whose last record is stored and whose store is closed, so that servers use
    /// the store.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if Redis cannot be reached, or its store is not being imported.
    pub async fn end_import(
        settings: RedisSettings,
        entropy: Arc<dyn Entropy>,
    ) -> Result<(), StoreError> {
        let link = super::connect(&settings).await?;
        let owner = Owner::acquire(&link, &*entropy, Opening::Import).await?;
        let call = Call::new(&IMPORTED).key(keys::STORE).arg(&*owner.token);
        let ended = link.call(&call.arg(mode(Opening::Serve))).await.and_then(said);
        owner.release(&link).await;
        Ok(ended.map(drop)?)
    }

    /// Accepts the recorded losses, so that the partitions are used again. No server may use the
    /// store.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if Redis cannot be reached, or a server uses the store.
    pub async fn accept_loss(
        settings: RedisSettings,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Vec<Loss>, StoreError> {
        let link = super::connect(&settings).await?;
        let owner = Owner::acquire(&link, &*entropy, Opening::Read).await?;
        let call = Partition::all().fold(Call::new(&ACCEPT), |call, p| call.key(p.state()));
        let lost = link.call(&call).await.and_then(array);
        owner.release(&link).await;
        let lost = lost?.into_iter().enumerate();
        let losses = lost.map(|(partition, lost)| loss(partition, lost));
        Ok(losses.filter_map(Result::transpose).collect::<Result<_, _>>()?)
    }
}

fn loss(partition: usize, lost: Value) -> Result<Option<Loss>, Trouble> {
    let lost = text(lost)?.unwrap_or_default();
    if lost.is_empty() {
        return Ok(None);
    }
    let parsed = lost.split_once(' ').and_then(|(commits, since)| {
        Some(Loss { partition, commits: commits.parse().ok()?, since: since.parse().ok()? })
    });
    parsed.map(Some).ok_or_else(|| unexpected("an unknown loss"))
}

/// Begins a store.
pub(super) async fn begin(
    link: &Link,
    entropy: &dyn Entropy,
    opening: Opening,
) -> Result<(), Trouble> {
    if let Some(name) = any(link).await? {
        if name == keys::OLD_STATE.as_bytes() {
            return Err(Trouble::Refused(OLD.to_owned()));
        }
        return Err(held());
    }
    let call = Call::new(&BEGIN).key(keys::STORE).key(keys::OLD_STATE);
    let call = Partition::all().fold(call, |call, partition| call.key(partition.state()));
    let call = call.arg(hex(entropy.bytes::<16>())).arg(LAYOUT).arg(FORMAT).arg(mode(opening));
    match text(link.call(&call).await?)?.as_deref() {
        Some("begun") => Ok(()),
        _ => Err(held()),
    }
}

/// Returns the name of a key of Countersign: that of the store's state, of any layout, if there is
/// one.
async fn any(link: &Link) -> Result<Option<Vec<u8>>, Trouble> {
    let states = [keys::STORE, keys::OLD_STATE].map(|name| redis::cmd("EXISTS").arg(name).clone());
    let are_there = link.all(&states).await?;
    if let [Value::Int(store), Value::Int(old)] = are_there[..] {
        if store == 1 {
            return Ok(Some(keys::STORE.into()));
        }
        if old == 1 {
            return Ok(Some(keys::OLD_STATE.into()));
        }
    }
    let mut place = "0".to_owned();
    loop {
        let mut scan = redis::cmd("SCAN");
        scan.arg(&place).arg("MATCH").arg(format!("{}*", keys::PREFIX));
        let mut reply = array(link.one(scan.arg("COUNT").arg(LOOKED_AT).clone()).await?)?;
        let names = reply.pop().map(array).transpose()?.unwrap_or_default();
        if let Some(Value::BulkString(name)) = names.into_iter().next() {
            return Ok(Some(name));
        }
        place = reply.pop().map(text).transpose()?.flatten().unwrap_or_default();
        if place == "0" || place.is_empty() {
            return Ok(None);
        }
    }
}

fn held() -> Trouble {
    Trouble::Refused("Redis holds a store already: an empty one is needed to begin one".to_owned())
}
