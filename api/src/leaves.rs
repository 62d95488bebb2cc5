//! Pages that went away and may come back: each of them is noted once, however often it says so, so
//! that it takes the places of one poll.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix_web::rt::time::{Instant, sleep_until};
use countersign_core::id::{AccountKey, ActionKey, ChallengeId};

/// The wait of a page: for a challenge of an action, or for whatever is open of it.
pub type Left = (AccountKey, ActionKey, Option<ChallengeId>);

/// The pages, each with the moment until which it may come back. Clones are the same.
#[derive(Clone, Default)]
pub struct Leaves(Arc<Mutex<HashMap<Left, Instant>>>);

impl Leaves {
    /// Notes that a page has until that moment to come back. `None` if it is noted already: then it
    /// has until the later moment.
    pub fn note(&self, left: Left, until: Instant) -> Option<Leaving> {
        let noted = self.all().insert(left.clone(), until);
        noted.is_none().then(|| Leaving { leaves: self.clone(), left, is_over: false })
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Left, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The note of one page. It is gone when this is dropped.
pub struct Leaving {
    leaves: Leaves,
    left: Left,
    is_over: bool,
}

impl Leaving {
    /// Waits until the page had its time. A page that goes away after that is noted anew.
    pub async fn over(mut self) {
        while let Some(until) = self.until() {
            sleep_until(until).await;
        }
    }

    /// The moment that is waited for; none once it has come, and then the note is gone.
    fn until(&mut self) -> Option<Instant> {
        let mut all = self.leaves.all();
        let until = all.get(&self.left).copied().filter(|until| *until > Instant::now());
        if until.is_none() {
            all.remove(&self.left);
            self.is_over = true;
        }
        until
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        if !self.is_over {
            self.leaves.all().remove(&self.left);
        }
    }
}
