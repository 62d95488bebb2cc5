//! Rounds of periodic work. When the engine closes, it waits for the rounds under way, so that none
//! uses a closed store.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::RwLock;
use tokio::time::MissedTickBehavior;

use crate::actors::Shared;

/// Maximum time for which a closing engine waits for rounds under way. If the store does not
/// answer, a round can take that long.
const CLOSE_WAIT: Duration = Duration::from_secs(6);

/// Lock that every round under way holds for reading.
#[derive(Default)]
pub(super) struct Rounds(RwLock<()>);

impl Rounds {
    /// Starts a task that runs `work` now and after each `period`, until the engine drains or is
    /// dropped.
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
            // A slow round delays the next, so that rounds do not pile up.
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

    /// Waits until no round is under way, for [`CLOSE_WAIT`] at most. The engine is draining, so
    /// that no further round begins.
    pub(super) async fn ended(&self) {
        if tokio::time::timeout(CLOSE_WAIT, self.0.write()).await.is_err() {
            tracing::warn!("work of the house was still under way at the end");
        }
    }
}
