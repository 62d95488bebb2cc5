//! Recovery of a Redis that has lost its latest records: they are written again from the journal.

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use super::commit_task::{CommitTask, GROUP_UNITS_MAX};
use super::trouble::{FENCED, ROLLED, Trouble};

impl CommitTask {
    /// Checks that Redis accepts writes and has all acknowledged units. Writes lost units again.
    pub(super) async fn verify(&mut self) {
        match self.touch().await {
            Ok(()) => self.health.recording(),
            Err(Trouble::Rolled) => {
                if self.recover().await {
                    self.health.recording();
                }
            }
            Err(Trouble::Fenced) => self.health.broke(FENCED),
            Err(Trouble::Refused(why)) => self.health.refusing(&why),
            Err(Trouble::Lost(why) | Trouble::Unreadable(why)) => self.health.unsettled(&why),
        }
    }

    /// Writes the lost units again, if the journal has all of them. Otherwise nothing is written or
    /// read until Redis has its records back. Returns true if the units are written. Reads stay
    /// blocked until the caller reports that the store records, because the caller may know of
    /// other units with an unknown result.
    pub(super) async fn recover(&mut self) -> bool {
        match self.restore().await {
            Ok(units) => {
                if units > 0 {
                    tracing::warn!(units, "records that Redis had lost are written again");
                }
                return true;
            }
            Err(Trouble::Fenced) => self.health.broke(FENCED),
            Err(Trouble::Rolled) => self.health.unsettled(ROLLED),
            Err(Trouble::Lost(why) | Trouble::Refused(why) | Trouble::Unreadable(why)) => {
                self.health.unsettled(&why);
            }
        }
        false
    }

    async fn restore(&mut self) -> Result<usize, Trouble> {
        let mut asked = redis::cmd("HGET");
        let asked = asked.arg(super::keys::STATE).arg("attempt");
        let found = super::reply::number(self.link.one(asked.clone()).await?)?;
        if !self.journal.reaches(found) {
            return Err(Trouble::Rolled);
        }
        self.health.unsettled(ROLLED);
        let found = self.health.owner.reclaim(&self.link).await?;
        if !self.journal.reaches(found) {
            return Err(Trouble::Rolled);
        }
        self.base = found;
        let lost = self.journal.lose_after(found);
        loop {
            let mut subjects = HashSet::new();
            let units = self
                .journal
                .lost(|unit| subjects.len() < GROUP_UNITS_MAX && subjects.insert(unit.subject()));
            if units.is_empty() {
                break;
            }
            let count = units.len();
            self.record_again(&units).await?;
            self.journal.found(count, self.attempt);
        }
        self.health.acked.store(self.base, Ordering::Release);
        Ok(lost)
    }
}
