//! The records, their indexes, and the rules for commits.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use countersign_core::account::Snapshot;
use countersign_core::action::Action;
use countersign_core::challenge::Challenge;
use countersign_core::change::{Change, Version, Write};
use countersign_core::device::Device;
use countersign_core::id::{
    AccountKey, ActionKey, AuthenticatorId, ChallengeId, CredentialKey, TenantId, UserId,
};
use countersign_core::time::UnixMillis;

use super::entry::Entry;
use super::indexes::Indexes;
use super::outbox::Outbox;
use super::owned;
use crate::ports::store::{ActionQuery, Committed, Record, StoreError};
use crate::store::{challenges, check_form, sort_devices, sort_open};

/// Key of a challenge in an index that is ordered by time.
type Timed = (UnixMillis, ChallengeId, AccountKey);

#[derive(Default)]
pub(super) struct State {
    pub(super) is_closed: bool,
    pub(super) accounts: BTreeMap<AccountKey, Entry>,
    pub(super) indexes: Indexes,
    bindings: HashMap<CredentialKey, BTreeSet<(UserId, AuthenticatorId)>>,
    /// Number of actions ever recorded. It orders actions that were created in the same
    /// millisecond.
    actions_recorded: u64,
    pub(super) tracked: BTreeSet<(UnixMillis, AccountKey, ActionKey)>,
    /// Removed accounts by mark: 0 before the first pruning after the removal, then that pruning's
    /// time.
    pub(super) removed: BTreeSet<(UnixMillis, AccountKey)>,
    pub(super) challenges: HashMap<(AccountKey, ChallengeId), Arc<Challenge>>,
    pub(super) open: HashMap<AccountKey, Vec<ChallengeId>>,
    /// Open challenges by expiry time.
    due: BTreeSet<Timed>,
    /// Open challenges that are held, by expiry time.
    held: BTreeSet<Timed>,
    /// Ended challenges by the time of their end.
    pub(super) ended: BTreeSet<Timed>,
    pub(super) outbox: Outbox,
    pub(super) secrets: HashMap<TenantId, [u8; 32]>,
    pub(super) latest: Option<UnixMillis>,
}

impl State {
    pub(super) fn commit(&mut self, change: Change) -> Result<Committed, StoreError> {
        check_form(&change)?;
        let entry = self.accounts.get(&change.account);
        if entry.is_some_and(|entry| entry.recent.contains(&change.id)) {
            return Ok(Committed::Recorded);
        }
        for proposed in challenges(&change.writes) {
            let name = (proposed.account.clone(), proposed.id.clone());
            let Some(recorded) = self.challenges.get(&name) else { continue };
            if recorded.ended.is_some() && recorded.ended != proposed.ended {
                let ended = recorded.ended.clone().expect("checked just above");
                let challenge = proposed.id.clone();
                return Ok(Committed::Ended { challenge, recorded: Box::new(ended) });
            }
        }
        let recorded = entry.map_or(Version::NONE, |entry| entry.version);
        if recorded != change.parent {
            return Ok(Committed::Stale { recorded });
        }
        for write in &change.writes {
            if let Write::Track(action) = write
                && let Some((_, known)) = entry.and_then(|entry| entry.actions.get(&action.key))
            {
                return Ok(Committed::Known(owned(known).into()));
            }
        }
        self.write(change);
        Ok(Committed::Recorded)
    }

    fn write(&mut self, change: Change) {
        let version = change.version();
        let Change { account: key, writes, .. } = change;
        for write in writes {
            match write {
                Write::Account(record) => {
                    let entry = self.accounts.entry(key.clone()).or_default();
                    self.indexes.replace(&key, entry.record.as_ref(), Some(&record));
                    entry.record = Some(record);
                    if let Some(mark) = entry.removed.take() {
                        self.removed.remove(&(mark, key.clone()));
                    }
                }
                Write::RemoveAccount => self.remove_account(&key),
                Write::Track(action) | Write::Action(action) => self.put_action(action),
                Write::Challenge(challenge) => self.put_challenge(challenge),
                Write::Device(device) => self.put_device(device),
                Write::RemoveDevice(id) => self.remove_device(&key, &id),
                Write::Event(event) => self.outbox.put(event),
            }
        }
        self.accounts.entry(key).or_default().advance(version);
    }

    fn remove_account(&mut self, key: &AccountKey) {
        // The version is kept, so that a late commit for the removed account does not match a new
        // account of the same name.
        let entry = self.accounts.remove(key).unwrap_or_default();
        let (removed, recent) = (Some(UnixMillis(0)), entry.recent);
        self.accounts.insert(key.clone(), Entry { removed, recent, ..Entry::default() });
        self.removed.insert((UnixMillis(0), key.clone()));
        if let Some(mark) = entry.removed.filter(|mark| *mark > UnixMillis(0)) {
            self.removed.remove(&(mark, key.clone()));
        }
        self.indexes.replace(key, entry.record.as_ref(), None);
        for device in &entry.devices {
            self.unbind(device);
        }
        for (_, action) in entry.actions.into_values() {
            self.tracked.remove(&(action.created_at, key.clone(), action.key.clone()));
        }
    }

    fn put_device(&mut self, device: Arc<Device>) {
        let binding = (device.account.user.clone(), device.id.clone());
        self.remove_device(&device.account, &device.id);
        self.bindings.entry(device.credential()).or_default().insert(binding);
        self.accounts.entry(device.account.clone()).or_default().devices.push(device);
    }

    fn remove_device(&mut self, key: &AccountKey, id: &AuthenticatorId) {
        let Some(entry) = self.accounts.get_mut(key) else { return };
        let Some(index) = entry.devices.iter().position(|d| d.id == *id) else { return };
        let device = entry.devices.remove(index);
        self.unbind(&device);
    }

    fn unbind(&mut self, device: &Device) {
        let credential = device.credential();
        let Some(bindings) = self.bindings.get_mut(&credential) else { return };
        bindings.remove(&(device.account.user.clone(), device.id.clone()));
        if bindings.is_empty() {
            self.bindings.remove(&credential);
        }
    }

    fn put_action(&mut self, action: Arc<Action>) {
        let (account, key, at) = (action.account.clone(), action.key.clone(), action.created_at);
        let entry = self.accounts.entry(account.clone()).or_default();
        let known = entry.actions.remove(&key);
        let is_listed = known.as_ref().is_some_and(|(_, known)| {
            (known.state, known.created_at) == (action.state, action.created_at)
        });
        let sequence = match known {
            Some((sequence, _)) if is_listed => sequence,
            Some((sequence, known)) => {
                entry.unlist(sequence, &known);
                self.tracked.remove(&(known.created_at, account.clone(), key.clone()));
                sequence
            }
            None => {
                self.actions_recorded += 1;
                self.actions_recorded
            }
        };
        if !is_listed {
            entry.list(sequence, &action);
            self.tracked.insert((at, account, key.clone()));
        }
        entry.actions.insert(key, (sequence, action));
    }

    fn put_challenge(&mut self, challenge: Arc<Challenge>) {
        let timed = |at| (at, challenge.id.clone(), challenge.account.clone());
        let name = (challenge.account.clone(), challenge.id.clone());
        if let Some(known) = self.challenges.get(&name)
            && known.ended.is_none()
        {
            self.due.remove(&timed(known.expires_at));
            self.held.remove(&timed(known.expires_at));
        }
        if let Some(ended) = &challenge.ended {
            self.ended.insert(timed(ended.at));
            if let Some(open) = self.open.get_mut(&challenge.account) {
                open.retain(|id| *id != challenge.id);
                if open.is_empty() {
                    self.open.remove(&challenge.account);
                }
            }
        } else {
            self.due.insert(timed(challenge.expires_at));
            if challenge.held {
                self.held.insert(timed(challenge.expires_at));
            }
            let open = self.open.entry(challenge.account.clone()).or_default();
            if !open.contains(&challenge.id) {
                open.push(challenge.id.clone());
            }
        }
        self.challenges.insert(name, challenge);
    }

    pub(super) fn snapshot(&self, key: &AccountKey) -> Snapshot {
        let open = self.open.get(key).map(Vec::as_slice).unwrap_or_default();
        let open = open.iter().map(|id| owned(&self.challenges[&(key.clone(), id.clone())]));
        let mut open: Vec<_> = open.collect();
        sort_open(&mut open);
        let Some(entry) = self.accounts.get(key) else {
            return Snapshot { open, ..Snapshot::default() };
        };
        let mut devices: Vec<_> = entry.devices.iter().map(owned).collect();
        sort_devices(&mut devices);
        Snapshot { version: entry.version, record: entry.record.clone(), devices, open }
    }

    pub(super) fn actions(&self, account: &AccountKey, query: &ActionQuery) -> Vec<Action> {
        self.accounts.get(account).map_or_else(Vec::new, |entry| entry.listed(query))
    }

    pub(super) fn devices_of_key(&self, key: &CredentialKey) -> Vec<Device> {
        let mut devices = Vec::new();
        for (user, id) in self.bindings.get(key).into_iter().flatten() {
            let account = AccountKey { tenant: key.tenant.clone(), user: user.clone() };
            let entry = self.accounts.get(&account);
            devices.extend(
                entry.into_iter().flat_map(|e| &e.devices).find(|d| d.id == *id).map(owned),
            );
        }
        sort_devices(&mut devices);
        devices
    }

    pub(super) fn overdue(
        &self,
        now: UnixMillis,
        held_before: UnixMillis,
        limit: usize,
    ) -> Vec<Challenge> {
        let named = |(_, id, account): &Timed| &self.challenges[&(account.clone(), id.clone())];
        let due = self.due.iter().take_while(|(at, ..)| *at <= now).map(named);
        let held = self.held.iter().map(named);
        let held = held.filter(|c| c.expires_at > now && c.issued_at < held_before);
        due.chain(held).take(limit).map(owned).collect()
    }

    pub(super) fn records(&self) -> impl Iterator<Item = Record> {
        let secrets = self.secrets.iter().map(|(tenant, key)| Record::Secret(tenant.clone(), *key));
        let accounts = self.accounts.iter().filter_map(|(key, entry)| {
            entry.record.clone().map(|record| Record::Account(key.clone(), record))
        });
        let entries = || self.accounts.values();
        let devices = entries().flat_map(|e| e.devices.iter().map(owned).map(Record::Device));
        let actions = entries().flat_map(|e| {
            let newest = e.newest.iter().filter(|((code, ..), _)| code.is_none());
            newest.map(|(_, key)| Record::Action(owned(&e.actions[key].1)))
        });
        let challenges = self.challenges.values().map(owned).map(Record::Challenge);
        let events = self.outbox.due(UnixMillis(u64::MAX), usize::MAX).into_iter();
        let events = events.map(Record::Event);
        let latest = self.latest.map(Record::LatestTime);
        let owned = devices.chain(actions).chain(challenges).chain(events);
        secrets.chain(accounts).chain(owned).chain(latest)
    }
}
