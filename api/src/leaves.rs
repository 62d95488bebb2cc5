//! Pages that were unloaded and may be loaded again. Each page is noted once, however often it
//! calls, so that it takes the places of one poll.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::rt::time::timeout;
use countersign_core::id::{AccountKey, ActionKey, ChallengeId};
use tokio::sync::watch;

/// Subject of a page's call: a challenge, or the open challenge of an action.
pub type Left = (AccountKey, ActionKey, Option<ChallengeId>);

/// The pages, each with a signal of a repeated call. Clones share them.
#[derive(Clone, Default)]
pub struct Leaves(Arc<Mutex<HashMap<Left, watch::Sender<()>>>>);

impl Leaves {
    /// Notes that a page was unloaded. `None` if it is noted already: its time starts again.
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

/// The note of one page. It is gone when this is dropped.
pub struct Leaving {
    leaves: Leaves,
    left: Left,
    again: watch::Receiver<()>,
    is_over: bool,
}

impl Leaving {
    /// Waits until the page has not repeated its call for `time`, and then removes the note. A
    /// later call gets a new note.
    pub async fn over(mut self, time: Duration) {
        while !self.is_over {
            while timeout(time, self.again.changed()).await.is_ok_and(|again| again.is_ok()) {}
            let mut all = self.leaves.all();
            // The page may have repeated its call at this moment.
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
