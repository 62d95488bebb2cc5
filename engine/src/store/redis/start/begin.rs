//! Beginning of a store, and acceptance of a loss: what only an operator's command does.

use std::sync::Arc;

use super::super::{RedisSettings, RedisStore};
use crate::ports::Entropy;
use crate::ports::store::StoreError;

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
    /// [`StoreError::Unavailable`] if Redis cannot be reached or used, or holds a store of any
    /// layout.
    pub async fn begin(
        settings: RedisSettings,
        entropy: Arc<dyn Entropy>,
    ) -> Result<(), StoreError> {
        let _ = (settings, entropy);
        todo!()
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
        let _ = (settings, entropy);
        todo!()
    }
}
