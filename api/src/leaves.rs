//! Pages that were unloaded and may be loaded again. A page may report its unload several times. It
//! has one entry for all reports, so that it takes the permits of only one poll.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::rt::time::timeout;
use countersign_core::id::{AccountKey, ActionKey, ChallengeId};
use tokio::sync::watch;

/// Challenge of an unloaded page: the named one, or without an id the open challenge of the action.
pub type Left = (AccountKey, ActionKey, Option<ChallengeId>);

/// Entries of unloaded pages, each with a signal for repeated reports. Clones share the entries.
#[derive(Clone, Default)]
pub struct Leaves(Arc<Mutex<HashMap<Left, watch::Sender<()>>>>);

impl Leaves {
    /// Adds an entry for an unloaded page. If there is one, restarts its time and returns `None`.
    pub fn note(&self, left: Left) -> Option<Leaving> {
        let mut all = self.all();
        if let Some(again) = all.get(&left) {
            again.send_replace(());
            return None;
        }
        let (sender, again) = watch::channel(());
        all.insert(left.clone(), sender);
        drop(all);
        Some(Leaving { leaves: self.clone(), left, again, is_over: false })
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Left, watch::Sender<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Entry of one page. Dropping it removes the entry.
pub struct Leaving {
    leaves: Leaves,
    left: Left,
    again: watch::Receiver<()>,
    is_over: bool,
}

impl Leaving {
    /// Waits until the page has not repeated its report for `time`, then removes the entry. A later
    /// report gets a new entry.
    pub async fn over(mut self, time: Duration) {
        while !self.is_over {
            while timeout(time, self.again.changed()).await.is_ok_and(|again| again.is_ok()) {}
            let mut all = self.leaves.all();
            // The page may have repeated its report at this moment.
            if !self.again.has_changed().unwrap_or(false) {
                all.remove(&self.left);
                self.is_over = true;
            }
        }
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        if !self.is_over {
            self.leaves.all().remove(&self.left);
        }
    }
}
