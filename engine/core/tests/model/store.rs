//! A store in memory with the rules of the engine's store port: it refuses a commit with another
//! version, a commit is atomic, and the first recorded end of a challenge is never replaced.

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_core::account::{AccountRecord, Snapshot};
use countersign_core::action::Action;
use countersign_core::challenge::Challenge;
use countersign_core::change::{Change, Version, Write};
use countersign_core::device::Device;
use countersign_core::id::{AccountKey, ActionKey, AuthenticatorId, ChallengeId};

/// Result of a commit: recorded, refused because of another version, or refused because a
/// challenge has another recorded end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Committed {
    Recorded,
    Stale,
    Ended,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Stored {
    pub(crate) version: Version,
    pub(crate) record: Option<AccountRecord>,
    pub(crate) devices: Vec<Device>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Store {
    pub(crate) accounts: BTreeMap<AccountKey, Stored>,
    pub(crate) actions: BTreeMap<(AccountKey, ActionKey), Arc<Action>>,
    pub(crate) challenges: BTreeMap<ChallengeId, Arc<Challenge>>,
}

impl Store {
    pub(crate) fn commit(&mut self, change: &Change) -> Committed {
        let recorded = self.accounts.get(&change.account).map_or(Version::NONE, |a| a.version);
        if recorded != change.parent {
            return Committed::Stale;
        }
        let ended_otherwise = |write: &Write| {
            let Write::Challenge(challenge) = write else { return false };
            let known = self.challenges.get(&challenge.id).and_then(|c| c.ended.as_ref());
            known.is_some() && known != challenge.ended.as_ref()
        };
        if change.writes.iter().any(ended_otherwise) {
            return Committed::Ended;
        }
        self.accounts.entry(change.account.clone()).or_default().version = change.version();
        for write in &change.writes {
            self.write(&change.account, write);
        }
        Committed::Recorded
    }

    fn write(&mut self, key: &AccountKey, write: &Write) {
        match write {
            Write::Account(record) => self.stored(key).record = Some(record.clone()),
            Write::RemoveAccount => {
                let version = self.stored(key).version;
                *self.stored(key) = Stored { version, ..Stored::default() };
                self.actions.retain(|(account, _), _| account != key);
            }
            Write::Track(action) | Write::Action(action) => {
                self.actions.insert((key.clone(), action.key.clone()), action.clone());
            }
            Write::Challenge(challenge) => {
                self.challenges.insert(challenge.id.clone(), challenge.clone());
            }
            Write::Device(device) => {
                let devices = &mut self.stored(key).devices;
                match devices.iter_mut().find(|d| d.id == device.id) {
                    Some(known) => *known = Device::clone(device),
                    None => devices.push(Device::clone(device)),
                }
            }
            Write::RemoveDevice(id) => self.stored(key).devices.retain(|d| d.id != *id),
            Write::Event(_) => {}
        }
    }

    fn stored(&mut self, key: &AccountKey) -> &mut Stored {
        self.accounts.entry(key.clone()).or_default()
    }

    pub(crate) fn open(&self) -> impl Iterator<Item = &Arc<Challenge>> {
        self.challenges.values().filter(|c| c.ended.is_none())
    }

    pub(crate) fn device(&self, account: &AccountKey, id: &AuthenticatorId) -> Option<&Device> {
        self.accounts.get(account)?.devices.iter().find(|d| d.id == *id)
    }

    pub(crate) fn snapshot(&self, key: &AccountKey) -> Snapshot {
        let Stored { version, record, devices } =
            self.accounts.get(key).cloned().unwrap_or_default();
        let open = self.open().filter(|c| c.account == *key).map(|c| Challenge::clone(c)).collect();
        Snapshot { version, record, devices, open }
    }
}
