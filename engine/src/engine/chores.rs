//! The rounds of work that the engine does for itself, at intervals. The end waits for those under
//! way, so that none asks a store that is closed.

use std::time::Duration;

use tokio::sync::{RwLock, RwLockReadGuard};

use crate::shared::Shared;

/// Longest wait of the end for rounds under way. A store that is out keeps a round for as long.
const CLOSE_WAIT: Duration = Duration::from_secs(6);

/// The rounds under way: each holds the lock for reading.
#[derive(Default)]
pub(crate) struct Chores(RwLock<()>);

impl Chores {
    /// Resolves when no round is under way; the engine is draining, so that none begins any more.
    pub(crate) async fn ended(&self) {
        if tokio::time::timeout(CLOSE_WAIT, self.0.write()).await.is_err() {
            tracing::warn!("work of the house was still under way at the end");
        }
    }
}

impl Shared {
    /// Begins a round, which lasts until the guard is dropped; `None` once the engine is draining.
    pub(crate) async fn round(&self) -> Option<RwLockReadGuard<'_, ()>> {
        let round = self.chores.0.read().await;
        (!self.is_draining()).then_some(round)
    }
}
