//! Condition of the store, and bookkeeping of early answers. The commit task and the readers share
//! it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use countersign_core::id::AccountKey;
use tokio::sync::watch;

use super::keys::Names;
use super::owner::{LOCK_MS, Owner};
use super::partitions::Partitions;
use crate::ports::Later;
use crate::ports::store::StoreError;
use crate::store::durability::Durability;
use crate::store::lag::Lag;
use crate::store::{lock, refused};
use crate::system::{Stopwatch, monotonic};

/// Minimum seconds between two log lines about one outage, because its error can change with each
/// attempt.
const SAID_AGAIN_SECONDS: f64 = 1.0;

/// Condition of the store.
#[derive(Clone, Debug)]
pub(super) enum Condition {
    /// Units are recorded.
    Recording,
    /// The result of some units is unknown, or lost units have to be written again. Until then
    /// nothing is read.
    Unsettled(String),
    /// Redis refuses writes. Records can be read.
    Refusing(String),
    /// The store has ended: it records and reads nothing until the process restarts.
    Over(String),
}

/// The latest log line about an outage, and its time.
#[derive(Default)]
struct Said(Option<(String, Stopwatch)>);

impl Said {
    /// Tells whether a line with this reason may be logged now. If so, remembers it as logged.
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

/// State that the commit task and the readers share.
pub(super) struct Health {
    pub(super) owner: Owner,
    pub(super) partitions: Partitions,
    condition: watch::Sender<Condition>,
    /// Time of the machine, in milliseconds, at which the last renewal of the lock was sent.
    renewed_ms: AtomicU64,
    /// The latest log line about an outage.
    said: Mutex<Said>,
    /// Units that were answered early and are not recorded.
    pub(super) lag: Lag,
    /// Number below which all units that were answered early are recorded.
    unwritten_from: watch::Sender<u64>,
}

impl Health {
    pub(super) fn new(owner: Owner, durability: Durability) -> Self {
        Self {
            owner,
            partitions: Partitions::new(),
            condition: watch::Sender::new(Condition::Recording),
            renewed_ms: AtomicU64::new(machine_ms()),
            said: Mutex::default(),
            lag: Lag::new(durability),
            unwritten_from: watch::Sender::new(1),
        }
    }

    /// Decides whether a unit that may lag is answered early, and returns its number if so. If the
    /// bound is a time, no unit is answered early during an outage. None is once another server can
    /// have taken the lock.
    pub(super) fn admit(&self) -> Option<u64> {
        let admits = self.holds_lock()
            && match &*self.condition.borrow() {
                Condition::Recording => true,
                Condition::Unsettled(_) | Condition::Refusing(_) => !self.lag.is_bound_by_time(),
                Condition::Over(_) => false,
            };
        admits.then(|| self.lag.admit()).flatten()
    }

    /// Handles the result of a unit that was answered early. If it was not recorded as answered,
    /// the store ends.
    pub(super) fn confirm(&self, number: u64, is_recorded: bool) {
        if is_recorded {
            self.unwritten_from.send_replace(self.lag.recorded(number));
        } else {
            self.broke("something else is recorded than was answered");
        }
    }

    /// Ends the store, because records and early answers differ. Only a new process can read the
    /// true state.
    pub(super) fn broke(&self, why: &str) {
        self.turn(&Condition::Over(why.to_owned()));
    }

    /// Resolves with the reason when the store has ended. It never resolves after a clean close.
    pub(super) fn broken(&self) -> Later<StoreError> {
        let mut condition = self.condition.subscribe();
        Box::pin(async move {
            let over = condition.wait_for(|known| matches!(known, Condition::Over(_))).await;
            let Ok(Condition::Over(why)) = over.map(|over| over.clone()) else {
                // The store was closed cleanly.
                return std::future::pending().await;
            };
            refused(&why)
        })
    }

    /// Resolves once all early answers up to this number are recorded, or with an error when the
    /// store has ended.
    pub(super) async fn recorded(&self, answered: u64) -> Result<(), StoreError> {
        let (mut written, mut condition) =
            (self.unwritten_from.subscribe(), self.condition.subscribe());
        tokio::select! {
            _ = written.wait_for(|from| *from > answered) => Ok(()),
            _ = condition.wait_for(|known| matches!(known, Condition::Over(_))) => self.check(),
        }
    }

    /// Tells whether the store has ended.
    pub(super) fn is_over(&self) -> bool {
        matches!(&*self.condition.borrow(), Condition::Over(_))
    }

    /// Notes that the lock was renewed by a call that was sent at this time of the machine.
    pub(super) fn renewed(&self, sent_ms: u64) {
        self.renewed_ms.store(sent_ms, Ordering::Release);
    }

    /// Checks that an account's state in memory may be told: its partition has lost nothing, and no
    /// other server can have taken the lock.
    pub(super) fn vouches(&self, account: &AccountKey) -> Result<(), StoreError> {
        if self.partitions.is_any_closed() {
            let known = self.partitions.known(Names::of(account).partition());
            if let Some(why) = known.closed {
                return Err(refused(&why));
            }
        }
        if !self.is_over() && self.holds_lock() {
            return Ok(());
        }
        self.check()?;
        Err(refused("the lock in Redis was not renewed in time"))
    }

    /// Tells whether no other server can have taken the lock, because it was renewed in time.
    fn holds_lock(&self) -> bool {
        machine_ms().saturating_sub(self.renewed_ms.load(Ordering::Acquire)) < LOCK_MS
    }

    /// Checks that units are accepted. During an outage they are while the lock is held, if the
    /// bound on early answers is a number of records and is not reached.
    ///
    /// # Errors
    /// [`StoreError`] with the reason for which they are not.
    pub(super) fn ready(&self) -> Result<(), StoreError> {
        let goes_on = !self.is_over() && self.holds_lock() && self.lag.outlasts_outages();
        if !goes_on {
            self.check()?;
        }
        match self.partitions.closed() {
            Some((why, 1)) => Err(refused(&why)),
            Some((why, count)) => Err(refused(&format!("{why}, and of {} others", count - 1))),
            None => Ok(()),
        }
    }

    pub(super) fn recording(&self) {
        self.turn(&Condition::Recording);
    }

    pub(super) fn unsettled(&self, why: &str) {
        self.turn(&Condition::Unsettled(why.to_owned()));
    }

    pub(super) fn refusing(&self, why: &str) {
        self.turn(&Condition::Refusing(why.to_owned()));
    }

    /// Changes the condition, and logs the change once instead of with every attempt.
    fn turn(&self, condition: &Condition) {
        self.condition.send_if_modified(|known| {
            if !matches!(known, Condition::Over(_)) {
                self.say(condition);
            }
            match (&*known, condition) {
                (Condition::Over(_), _) | (Condition::Recording, Condition::Recording) => {
                    return false;
                }
                (Condition::Unsettled(known), Condition::Unsettled(why))
                | (Condition::Refusing(known), Condition::Refusing(why))
                    if known == why =>
                {
                    return false;
                }
                (_, Condition::Over(why)) => tracing::error!("{why}"),
                (_, Condition::Refusing(_) | Condition::Unsettled(_)) => {}
                (_, Condition::Recording) => tracing::warn!("the store records again"),
            }
            *known = condition.clone();
            true
        });
    }

    /// Logs the reason for which nothing is recorded. During one outage, a further line needs a
    /// reason other than that of the last line, and at least [`SAID_AGAIN_SECONDS`] since then. So
    /// a reason that is skipped is logged only if a later attempt has it too.
    fn say(&self, condition: &Condition) {
        let mut said = lock(&self.said);
        match condition {
            Condition::Unsettled(why) | Condition::Refusing(why) => {
                if said.is_due(why) {
                    tracing::error!(why, "the store does not record");
                }
            }
            // Lets the next outage be logged at once.
            Condition::Recording => *said = Said::default(),
            Condition::Over(_) => {}
        }
    }

    pub(super) fn check(&self) -> Result<(), StoreError> {
        match &*self.condition.borrow() {
            Condition::Recording => Ok(()),
            Condition::Unsettled(why) | Condition::Refusing(why) | Condition::Over(why) => {
                Err(refused(why))
            }
        }
    }

    /// Resolves once the result of every sent unit is known, or fails once the store has ended.
    pub(super) async fn settled(&self) -> Result<(), StoreError> {
        let mut condition = self.condition.subscribe();
        let settled =
            condition.wait_for(|condition| !matches!(condition, Condition::Unsettled(_))).await;
        match settled.as_deref() {
            Ok(Condition::Recording | Condition::Refusing(_)) => Ok(()),
            Ok(Condition::Unsettled(why) | Condition::Over(why)) => Err(refused(why)),
            Err(_) => Err(StoreError::Closed),
        }
    }
}

/// Returns the time of the machine, which includes sleep, in milliseconds.
pub(super) fn machine_ms() -> u64 {
    u64::try_from(monotonic().as_millis()).unwrap_or(u64::MAX)
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
