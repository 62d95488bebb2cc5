//! Rounds of work that the engine does for itself, at intervals. The end waits for those under way,
//! so that none asks a store that is closed.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::RwLock;
use tokio::time::MissedTickBehavior;

use crate::actors::Shared;

/// Longest wait of the end for rounds under way. A store that is out keeps a round for as long.
const CLOSE_WAIT: Duration = Duration::from_secs(6);

/// The rounds under way: each holds the lock for reading.
#[derive(Default)]
pub(super) struct Rounds(RwLock<()>);

impl Rounds {
    /// Does a round of work now and at intervals, until the engine drains or is dropped.
    pub(super) fn every<F>(
        self: &Arc<Self>,
        period: Duration,
        shared: &Arc<Shared>,
        mut work: impl FnMut(Arc<Shared>) -> F + Send + 'static,
    ) where
        F: Future<Output = ()> + Send,
    {
        let (rounds, weak) = (self.clone(), Arc::downgrade(shared));
        shared.threads.spawn(async move {
            let mut interval = tokio::time::interval(period);
            // A round that hangs puts off the next, so that none pile up.
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            while let Some(shared) = {
                interval.tick().await;
                weak.upgrade()
            } {
                let _under_way = rounds.0.read().await;
                if shared.is_draining() {
                    return;
                }
                work(shared).await;
            }
        });
    }

    /// Resolves when no round is under way; the engine is draining, so that none begins any more.
    pub(super) async fn ended(&self) {
        if tokio::time::timeout(CLOSE_WAIT, self.0.write()).await.is_err() {
            tracing::warn!("work of the house was still under way at the end");
        }
    }
}
