//! Hot state of an account: all that its commits change most, in one row.

use std::sync::Arc;

use countersign_core::account::{AccountRecord, Snapshot};
use countersign_core::action::Action;
use countersign_core::challenge::Challenge;
use countersign_core::change::{CommitId, Version};
use countersign_core::device::Device;
use countersign_core::fatigue::Counters;
use countersign_core::id::{ActionKey, AuthenticatorId, ChallengeId};
use countersign_core::time::UnixMillis;

use super::Lifecycle;
use crate::store::{RECENT_COMMITS, sort_devices, sort_open};

/// Hot state of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::store) struct Hot {
    pub(in crate::store) version: Version,
    /// Names of the commits before the last one, latest first.
    pub(in crate::store) earlier: Vec<CommitId>,
    /// Counters of the account's record. They replace those in the account's own row.
    pub(in crate::store) counters: Counters,
    /// Time of the last use of each device. It replaces the one in the device's own row.
    pub(in crate::store) used: Vec<(AuthenticatorId, UnixMillis)>,
    /// Lifecycles under way.
    pub(in crate::store) lifecycles: Vec<Lifecycle>,
}

impl Hot {
    /// Tells whether a commit of this name is one of the account's last.
    pub(super) fn has_recorded(&self, id: CommitId) -> bool {
        id != CommitId::NONE && (self.version.commit == id || self.earlier.contains(&id))
    }

    pub(super) fn advance(&mut self, version: Version) {
        let before = std::mem::replace(&mut self.version, version).commit;
        if before != CommitId::NONE {
            self.earlier.insert(0, before);
            self.earlier.truncate(RECENT_COMMITS - 1);
        }
    }

    pub(super) fn note_use(&mut self, device: &Device) {
        self.forget_device(&device.id);
        self.used.extend(device.last_verified_at.map(|at| (device.id.clone(), at)));
    }

    pub(super) fn forget_device(&mut self, id: &AuthenticatorId) {
        self.used.retain(|(known, _)| known != id);
    }

    pub(in crate::store) fn action(&self, key: &ActionKey) -> Option<&Arc<Action>> {
        self.lifecycles.iter().filter(|l| l.key == *key).find_map(|l| l.action.as_ref())
    }

    pub(in crate::store) fn challenge(&self, id: &ChallengeId) -> Option<&Arc<Challenge>> {
        self.lifecycles.iter().find_map(|lifecycle| lifecycle.challenge(id))
    }

    pub(in crate::store) fn open(&self) -> impl Iterator<Item = &Arc<Challenge>> {
        self.lifecycles.iter().flat_map(Lifecycle::open)
    }

    /// Returns the time at which the first open challenge expires.
    pub(in crate::store) fn due(&self) -> Option<UnixMillis> {
        self.open().map(|challenge| challenge.expires_at).min()
    }

    /// Returns the time of issue of the first open challenge that is held.
    pub(in crate::store) fn held(&self) -> Option<UnixMillis> {
        self.open().filter(|challenge| challenge.held).map(|challenge| challenge.issued_at).min()
    }

    /// Returns the earliest time by which one of the records is pruned.
    pub(in crate::store) fn oldest(&self) -> Option<UnixMillis> {
        self.lifecycles.iter().filter_map(Lifecycle::oldest).min()
    }

    /// Removes old records, as [`Lifecycle::prune`] does. Returns their number.
    pub(in crate::store) fn prune(
        &mut self,
        actions_before: UnixMillis,
        challenges_before: UnixMillis,
    ) -> u32 {
        let prune = |l: &mut Lifecycle| l.prune(actions_before, challenges_before);
        let gone = self.lifecycles.iter_mut().map(prune).sum();
        self.lifecycles.retain(|lifecycle| !lifecycle.is_empty());
        gone
    }

    /// Returns a stored record with the counters of today.
    pub(in crate::store) fn with_counters(&self, record: AccountRecord) -> AccountRecord {
        AccountRecord { counters: self.counters.clone(), ..record }
    }

    /// Returns a stored device with its last use.
    pub(in crate::store) fn with_use(&self, device: Device) -> Device {
        let used = self.used.iter().find(|(id, _)| *id == device.id).map(|(_, at)| *at);
        Device { last_verified_at: used.or(device.last_verified_at), ..device }
    }

    /// Makes a snapshot of the account from its hot state, its own row and the rows of its devices.
    pub(in crate::store) fn snapshot(
        &self,
        record: Option<AccountRecord>,
        devices: Vec<Device>,
    ) -> Snapshot {
        let record = record.map(|record| self.with_counters(record));
        let mut devices: Vec<_> = devices.into_iter().map(|d| self.with_use(d)).collect();
        let mut open: Vec<_> = self.open().map(|challenge| Challenge::clone(challenge)).collect();
        sort_devices(&mut devices);
        sort_open(&mut open);
        Snapshot { version: self.version, record, devices, open }
    }
}
