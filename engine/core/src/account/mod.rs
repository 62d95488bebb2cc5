//! A user's record, devices and open challenges, and the transitions between their states.
//!
//! A transition reads the account and returns a [`Change`]. After the store has recorded the
//! change, [`Account::apply`] makes it in memory. Nothing else changes an account.

mod attributes;
mod challenges;
mod deciding;
mod enrollment;
mod granting;
#[cfg(test)]
mod tests;
mod ticketing;
mod tracking;

use std::sync::Arc;

pub use challenges::{Issue, Issued};
pub use deciding::{Evidence, Judged};
pub use enrollment::{Enroll, Refresh};
pub use tracking::{Track, Tracked};

pub use crate::grant::Grant;
pub use crate::profile::{Edit, Profile, ProfilePatch};
pub use crate::record::{AccountRecord, Snapshot};

use crate::challenge::{Challenge, Ended};
use crate::change::{Change, CommitId, Transition, Version, Write};
use crate::device::Device;
use crate::fatigue::Counters;
use crate::id::{AccountKey, AuthenticatorId, ChallengeId};
use crate::outcome::Outcome;
use crate::policy::CLOCK_AHEAD_MS_MAX;
use crate::set_backs::SetBacks;
use crate::ticket::Ticket;
use crate::time::UnixMillis;

/// A user's account in memory: the record, the authenticators and the open challenges.
#[derive(Clone, Debug)]
pub struct Account {
    key: AccountKey,
    version: Version,
    record: Option<AccountRecord>,
    devices: Vec<Arc<Device>>,
    open: Vec<Arc<Challenge>>,
}

impl Account {
    /// Restores an account from its stored state.
    #[must_use]
    pub fn restore(key: AccountKey, snapshot: Snapshot) -> Self {
        let Snapshot { version, record, devices, open } = snapshot;
        let devices = devices.into_iter().map(Arc::new).collect();
        let open = open.into_iter().map(Arc::new).collect();
        Self { key, version, record, devices, open }
    }

    /// Returns the account's tenant and user.
    #[must_use]
    pub const fn key(&self) -> &AccountKey {
        &self.key
    }

    /// Returns the account's own record, or `None` for an unknown user.
    #[must_use]
    pub const fn record(&self) -> Option<&AccountRecord> {
        self.record.as_ref()
    }

    /// Returns the account's devices.
    #[must_use]
    pub fn devices(&self) -> &[Arc<Device>] {
        &self.devices
    }

    /// Returns the account's open challenges.
    #[must_use]
    pub fn open(&self) -> &[Arc<Challenge>] {
        &self.open
    }

    /// Returns the account's version, whose number each change raises by 1.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// Returns the time for a transition: the clock's, or the latest of those times in the account
    /// that are at most [`CLOCK_AHEAD_MS_MAX`] later. Another server's clock may be ahead by that
    /// much, and the times in an account do not run back. A time further ahead counts for nothing.
    #[must_use]
    pub fn time(&self, clock: UnixMillis) -> UnixMillis {
        let counted = self.record.iter().flat_map(|record| record.counters.times());
        let used = self.devices.iter().filter_map(|device| device.last_verified_at);
        let times = counted.chain(used).chain(self.open.iter().map(|open| open.issued_at));
        let near = times.filter(|at| at.ms_since(clock) <= CLOCK_AHEAD_MS_MAX);
        near.fold(clock, UnixMillis::max)
    }

    /// Returns true if the user has an authenticator.
    #[must_use]
    pub fn is_enrolled(&self) -> bool {
        !self.devices.is_empty()
    }

    /// Returns the user's custom data, which is a JSON object as text.
    #[must_use]
    pub fn user_custom(&self) -> Option<Arc<str>> {
        self.record.as_ref()?.profile.custom.clone()
    }

    /// Returns the open challenge with this id.
    #[must_use]
    pub fn open_challenge(&self, id: &ChallengeId) -> Option<&Challenge> {
        self.open.iter().map(Arc::as_ref).find(|c| c.id == *id)
    }

    /// Returns the device with this id.
    #[must_use]
    pub fn device(&self, id: &AuthenticatorId) -> Option<&Device> {
        self.devices.iter().map(Arc::as_ref).find(|d| d.id == *id)
    }

    /// Removes the user and revokes the open challenges. `None` for an unknown user.
    #[must_use]
    pub fn remove(&self, now: UnixMillis) -> Option<Transition<()>> {
        self.record.as_ref()?;
        let ended = self.open.iter().map(|c| end(c, Outcome::Revoked, now).into());
        let writes = ended.map(Write::Challenge).chain([Write::RemoveAccount]).collect();
        Some(self.transition(writes, ()))
    }

    /// Clears the user's counters, and with them every wait and hold. An operator calls for it
    /// after finding that other people caused the counts. `None` for an unknown user.
    #[must_use]
    pub fn release_hold(&self) -> Option<Transition<()>> {
        let record = self.record.as_ref()?;
        let record = AccountRecord { counters: Counters::default(), ..record.clone() };
        Some(self.transition(vec![Write::Account(record)], ()))
    }

    /// Corrects the record after the clock was set back. Counter times later than `now` become
    /// `now` (see [`Counters::not_ahead_of`]). Tickets that were made later than the start of a
    /// clock that has been set back are removed. `None` if the record needs no correction.
    #[must_use]
    pub fn set_back(&self, now: UnixMillis, set_backs: &SetBacks) -> Option<Transition<()>> {
        let record = self.record.as_ref()?;
        let counters = record.counters.not_ahead_of(now);
        let stays = |t: &&Ticket| set_backs.dated(t.made_at, t.set_backs) == t.made_at;
        let tickets: Vec<_> = record.tickets.iter().filter(stays).cloned().collect();
        if counters.is_none() && tickets.len() == record.tickets.len() {
            return None;
        }
        let counters = counters.unwrap_or_else(|| record.counters.clone());
        let record = AccountRecord { counters, tickets, ..record.clone() };
        Some(self.transition(vec![Write::Account(record)], ()))
    }

    /// Makes a change in memory that the store has recorded.
    pub fn apply(&mut self, change: &Change) {
        debug_assert_eq!(change.parent, self.version, "changes are applied in order");
        self.version = change.version();
        for write in &change.writes {
            match write {
                Write::Account(record) => self.record = Some(record.clone()),
                Write::RemoveAccount => {
                    self.record = None;
                    self.devices.clear();
                    self.open.clear();
                }
                Write::Track(_) | Write::Action(_) | Write::Event(_) => {}
                Write::Challenge(challenge) => {
                    self.open.retain(|c| c.id != challenge.id);
                    if challenge.ended.is_none() {
                        self.open.push(challenge.clone());
                    }
                }
                Write::Device(device) => {
                    match self.devices.iter_mut().find(|d| d.id == device.id) {
                        Some(known) => *known = device.clone(),
                        None => self.devices.push(device.clone()),
                    }
                }
                Write::RemoveDevice(id) => self.devices.retain(|d| d.id != *id),
            }
        }
    }

    fn transition<T>(&self, writes: Vec<Write>, answer: T) -> Transition<T> {
        let (account, parent) = (self.key.clone(), self.version);
        let change = Change { account, parent, id: CommitId::NONE, writes };
        Transition { change, answer }
    }
}

fn end(challenge: &Challenge, outcome: Outcome, now: UnixMillis) -> Challenge {
    Challenge { ended: Some(Ended::without_device(outcome, now)), ..challenge.clone() }
}
