//! Changes of a user's attributes.

use super::{Account, ticketing};
use crate::change::{Transition, Write};
use crate::profile::{Profile, ProfilePatch};
use crate::record::AccountRecord;
use crate::time::UnixMillis;

impl Account {
    /// Changes a user's attributes. An unknown user is created.
    #[must_use]
    pub fn update_profile(&self, patch: &ProfilePatch, now: UnixMillis) -> Transition<Profile> {
        let record = self.patched_record(patch, now);
        let profile = record.profile.clone();
        self.transition(vec![Write::Account(record)], profile)
    }

    pub(super) fn patched_record(&self, patch: &ProfilePatch, now: UnixMillis) -> AccountRecord {
        let known = self.record.as_ref();
        AccountRecord {
            created_at: known.map_or(now, |r| r.created_at),
            profile: known.map(|r| r.profile.clone()).unwrap_or_default().patched(patch),
            counters: known.map(|r| r.counters.clone()).unwrap_or_default(),
            tickets: known.map(|r| ticketing::live(r, now)).unwrap_or_default(),
        }
    }
}
