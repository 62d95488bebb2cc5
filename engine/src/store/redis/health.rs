//! Health of the store, and units that were answered before they were recorded: the state that the
//! writer and the readers share.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

use super::lock;
use super::owner::Owner;
use super::trouble::FENCED;
use crate::ports::Later;
use crate::ports::store::{StoreError, Unwritten};
use crate::store::durability::Durability;
use crate::store::lag::Lag;
use crate::store::refused;
use crate::system::Stopwatch;

/// Between two lines about one outage, whose errors can alternate with each try.
const SAID_AGAIN_SECONDS: f64 = 1.0;

/// Health of the store.
#[derive(Clone, Debug)]
pub(super) enum Health {
    /// It records.
    Recording,
    /// Nobody knows which units are recorded, or lost units are to be written again: nothing is
    /// read until that is settled.
    Unsettled(String),
    /// Redis refuses to record; records can be read.
    Refusing(String),
    /// It records nothing any more.
    Over(String),
}

/// Last line about an outage, and its time.
#[derive(Default)]
struct Said(Option<(String, Stopwatch)>);

impl Said {
    /// Tells whether a line about this reason is due, and counts it as logged then.
    fn is_due(&mut self, why: &str) -> bool {
        let is_due = self
            .0
            .as_ref()
            .is_none_or(|(said, since)| said != why && since.seconds() >= SAID_AGAIN_SECONDS);
        if is_due {
            self.0 = Some((why.to_owned(), Stopwatch::start()));
        }
        is_due
    }
}

/// State that the writer and the readers share.
pub(super) struct Guard {
    pub(super) owner: Owner,
    /// The last attempt that was acknowledged.
    pub(super) acked: AtomicU64,
    health: watch::Sender<Health>,
    /// Number of times that the store has become unsettled.
    doubts: AtomicU64,
    /// Last line about an outage.
    said: Mutex<Said>,
    /// Units that were answered and are not recorded.
    lag: Lag,
    /// All that was answered with a number below this is recorded.
    unwritten_from: watch::Sender<u64>,
    /// Reason for which answered units will never be recorded.
    broken: watch::Sender<Option<StoreError>>,
}

impl Guard {
    pub(super) fn new(owner: Owner, durability: Durability) -> Self {
        let acked = AtomicU64::new(owner.found);
        Self {
            owner,
            acked,
            health: watch::Sender::new(Health::Recording),
            doubts: AtomicU64::new(0),
            said: Mutex::default(),
            lag: Lag::new(durability),
            unwritten_from: watch::Sender::new(1),
            broken: watch::Sender::new(None),
        }
    }

    /// Gives a unit that may lag its number if it is answered early. If time is the bound, the unit
    /// waits during a known outage.
    pub(super) fn admit(&self) -> Option<u64> {
        let admits = match &*self.health.borrow() {
            Health::Recording => true,
            Health::Unsettled(_) | Health::Refusing(_) => !self.lag.is_bound_by_time(),
            Health::Over(_) => false,
        };
        admits.then(|| self.lag.admit()).flatten()
    }

    /// Takes the result of a unit that was answered early.
    pub(super) fn confirm(&self, number: u64, is_recorded: bool) {
        if is_recorded {
            self.unwritten_from.send_replace(self.lag.recorded(number));
        } else {
            self.broke("something else is recorded than was answered");
        }
    }

    /// Ends the store, because answered units differ from the recorded ones, or will never be
    /// recorded: only a new process can tell the state.
    pub(super) fn broke(&self, why: &str) {
        self.turn(&Health::Over(why.to_owned()));
        self.broken.send_if_modified(|broken| {
            let first = broken.is_none();
            broken.get_or_insert_with(|| refused(why));
            first
        });
    }

    /// Resolves, with the reason, when nothing is recorded any more.
    pub(super) fn broken(&self) -> Later<StoreError> {
        let mut broken = self.broken.subscribe();
        Box::pin(async move {
            let error = broken.wait_for(Option::is_some).await.ok().and_then(|e| e.clone());
            match error {
                Some(error) => error,
                // The store is gone, in good order.
                None => std::future::pending().await,
            }
        })
    }

    pub(super) fn unwritten(&self) -> Unwritten {
        self.lag.unwritten()
    }

    /// The number of the last unit that was answered early, if one of them is not recorded.
    pub(super) fn answered_unwritten(&self) -> Option<u64> {
        self.lag.answered_unwritten()
    }

    /// Resolves once all that was answered with a number up to this is recorded.
    pub(super) async fn recorded(&self, answered: u64) -> Result<(), StoreError> {
        let (mut written, mut health) = (self.unwritten_from.subscribe(), self.health.subscribe());
        tokio::select! {
            _ = written.wait_for(|from| *from > answered) => Ok(()),
            _ = health.wait_for(|health| matches!(health, Health::Over(_))) => self.health(),
        }
    }

    /// Tells whether nothing is recorded any more.
    pub(super) fn is_over(&self) -> bool {
        matches!(&*self.health.borrow(), Health::Over(_))
    }

    /// Tells whether units that may lag are still accepted: the store records, or the backlog can
    /// bridge the outage.
    ///
    /// # Errors
    /// [`StoreError`]: why it does not.
    pub(super) fn ready(&self) -> Result<(), StoreError> {
        let goes_on = !self.is_over() && self.lag.outlasts_outages();
        if goes_on { Ok(()) } else { self.health() }
    }

    pub(super) fn acked(&self) -> u64 {
        self.acked.load(Ordering::Acquire)
    }

    /// Changes whenever something becomes unsettled.
    pub(super) fn doubts(&self) -> u64 {
        self.doubts.load(Ordering::Acquire)
    }

    pub(super) fn recording(&self) {
        self.turn(&Health::Recording);
    }

    pub(super) fn unsettled(&self, why: &str) {
        self.turn(&Health::Unsettled(why.to_owned()));
    }

    pub(super) fn refusing(&self, why: &str) {
        self.turn(&Health::Refusing(why.to_owned()));
    }

    /// Another server has taken the store: this one can do nothing more, and is to end.
    pub(super) fn fenced(&self) {
        self.broke(FENCED);
    }

    /// Says it once, and not once for each try.
    fn turn(&self, health: &Health) {
        self.health.send_if_modified(|known| {
            if !matches!(known, Health::Over(_)) {
                self.say(health);
            }
            match (&*known, health) {
                (Health::Over(_), _) | (Health::Recording, Health::Recording) => return false,
                (Health::Unsettled(known), Health::Unsettled(why))
                | (Health::Refusing(known), Health::Refusing(why))
                    if known == why =>
                {
                    return false;
                }
                (_, Health::Over(why)) => tracing::error!("{why}"),
                (Health::Unsettled(_), Health::Unsettled(_)) | (_, Health::Refusing(_)) => {}
                (_, Health::Unsettled(_)) => {
                    self.doubts.fetch_add(1, Ordering::AcqRel);
                }
                (_, Health::Recording) => tracing::warn!("the store records again"),
            }
            *known = health.clone();
            true
        });
    }

    /// Logs the reason for which nothing is recorded. A line that comes too soon is left out, and
    /// comes with the next try.
    fn say(&self, health: &Health) {
        let mut said = lock(&self.said);
        match health {
            Health::Unsettled(why) | Health::Refusing(why) => {
                if said.is_due(why) {
                    tracing::error!(why, "the store does not record");
                }
            }
            // The next outage is told at once.
            Health::Recording => *said = Said::default(),
            Health::Over(_) => {}
        }
    }

    pub(super) fn health(&self) -> Result<(), StoreError> {
        match &*self.health.borrow() {
            Health::Recording => Ok(()),
            Health::Unsettled(why) | Health::Refusing(why) | Health::Over(why) => Err(refused(why)),
        }
    }

    /// Resolves once the proposed units are settled.
    pub(super) async fn settled(&self) -> Result<(), StoreError> {
        let mut health = self.health.subscribe();
        let settled = health.wait_for(|health| !matches!(health, Health::Unsettled(_))).await;
        match settled.as_deref() {
            Ok(Health::Recording | Health::Refusing(_)) => Ok(()),
            Ok(Health::Unsettled(why) | Health::Over(why)) => Err(refused(why)),
            Err(_) => Err(crate::store::closed()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_that_alternate_are_not_said_with_each_try() {
        let mut said = Said::default();
        assert!(said.is_due("refused"));
        let again = (0..1_000).map(|n| if n % 2 == 0 { "reset" } else { "refused" });
        assert_eq!(again.filter(|why| said.is_due(why)).count(), 0);
    }
}
