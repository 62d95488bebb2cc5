//! What is held, its indexes, and the rules of a commit.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use countersign_core::account::{AccountRecord, Snapshot};
use countersign_core::action::Action;
use countersign_core::challenge::Challenge;
use countersign_core::change::{Change, Write};
use countersign_core::device::Device;
use countersign_core::id::{
    AccountKey, ActionKey, AuthenticatorId, ChallengeId, CredentialKey, TenantId, UserId,
};
use countersign_core::time::UnixMillis;

use super::attributes::Attributes;
use crate::ports::store::{ActionQuery, Committed, Record, StoreError};
use crate::store::{challenges, check_form, foreign_challenge, is_listed, sort_devices, sort_open};

/// A challenge in an index ordered by time.
type Timed = (UnixMillis, ChallengeId, TenantId);

#[derive(Default)]
pub(super) struct State {
    pub(super) is_closed: bool,
    pub(super) accounts: BTreeMap<AccountKey, Entry>,
    pub(super) attributes: Attributes,
    bindings: HashMap<CredentialKey, BTreeSet<(UserId, AuthenticatorId)>>,
    /// Actions ever recorded: what orders those of one millisecond.
    actions_recorded: u64,
    tracked: BTreeSet<(UnixMillis, AccountKey, ActionKey)>,
    pub(super) challenges: HashMap<(TenantId, ChallengeId), Challenge>,
    open: HashMap<AccountKey, Vec<ChallengeId>>,
    /// Open challenges by their expiry.
    due: BTreeSet<Timed>,
    /// Those of them that are held.
    held: BTreeSet<Timed>,
    /// Ended challenges by their end.
    ended: BTreeSet<Timed>,
    pub(super) secrets: HashMap<TenantId, [u8; 32]>,
    pub(super) latest: Option<UnixMillis>,
}

#[derive(Default)]
pub(super) struct Entry {
    pub(super) revision: u64,
    pub(super) record: Option<AccountRecord>,
    devices: Vec<Device>,
    pub(super) actions: HashMap<ActionKey, (u64, Action)>,
    newest: BTreeMap<(UnixMillis, u64), ActionKey>,
}

impl State {
    pub(super) fn commit(&mut self, change: Change) -> Result<Committed, StoreError> {
        check_form(&change)?;
        for proposed in challenges(&change.writes) {
            let name = (proposed.account.tenant.clone(), proposed.id.clone());
            let Some(recorded) = self.challenges.get(&name) else { continue };
            if recorded.account != proposed.account {
                return Err(foreign_challenge());
            }
            if recorded.ended.is_some() && recorded.ended != proposed.ended {
                let ended = recorded.ended.clone().expect("checked just above");
                let challenge = proposed.id.clone();
                return Ok(Committed::Ended { challenge, recorded: Box::new(ended) });
            }
        }
        let recorded = self.accounts.get(&change.account).map_or(0, |entry| entry.revision);
        if recorded != change.expected {
            return Ok(Committed::Stale { recorded });
        }
        self.write(change);
        Ok(Committed::Recorded)
    }

    fn write(&mut self, change: Change) {
        let Change { account: key, expected, writes } = change;
        let mut removed = false;
        for write in writes {
            match write {
                Write::Account(record) => {
                    removed = false;
                    let entry = self.accounts.entry(key.clone()).or_default();
                    self.attributes.replace(&key, entry.record.as_ref(), Some(&record));
                    entry.record = Some(record);
                }
                Write::RemoveAccount => {
                    removed = true;
                    self.remove_account(&key);
                }
                Write::Action(action) => self.put_action(action),
                Write::Challenge(challenge) => self.put_challenge(challenge),
                Write::Device(device) => self.put_device(device),
                Write::RemoveDevice(id) => self.remove_device(&key, &id),
            }
        }
        if !removed {
            self.accounts.entry(key).or_default().revision = expected + 1;
        }
    }

    fn remove_account(&mut self, key: &AccountKey) {
        let Some(entry) = self.accounts.remove(key) else { return };
        self.attributes.replace(key, entry.record.as_ref(), None);
        for device in &entry.devices {
            self.unbind(device);
        }
        for (_, action) in entry.actions.into_values() {
            self.tracked.remove(&(action.created_at, key.clone(), action.key));
        }
    }

    fn put_device(&mut self, device: Device) {
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

    fn put_action(&mut self, action: Action) {
        let (account, key, at) = (action.account.clone(), action.key.clone(), action.created_at);
        let entry = self.accounts.entry(account.clone()).or_default();
        let sequence = match entry.actions.get(&key) {
            Some((sequence, known)) => {
                if known.created_at != at {
                    entry.newest.remove(&(known.created_at, *sequence));
                    self.tracked.remove(&(known.created_at, account.clone(), key.clone()));
                }
                *sequence
            }
            None => {
                self.actions_recorded += 1;
                self.actions_recorded
            }
        };
        entry.newest.insert((at, sequence), key.clone());
        entry.actions.insert(key.clone(), (sequence, action));
        self.tracked.insert((at, account, key));
    }

    fn put_challenge(&mut self, challenge: Challenge) {
        let tenant = challenge.account.tenant.clone();
        let timed = |at| (at, challenge.id.clone(), tenant.clone());
        let name = (tenant.clone(), challenge.id.clone());
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
        let open = open.iter().map(|id| self.challenges[&(key.tenant.clone(), id.clone())].clone());
        let mut open: Vec<_> = open.collect();
        sort_open(&mut open);
        let Some(entry) = self.accounts.get(key) else {
            return Snapshot { open, ..Snapshot::default() };
        };
        let mut devices = entry.devices.clone();
        sort_devices(&mut devices);
        Snapshot { revision: entry.revision, record: entry.record.clone(), devices, open }
    }

    pub(super) fn actions(&self, account: &AccountKey, query: &ActionQuery) -> Vec<Action> {
        let Some(entry) = self.accounts.get(account) else { return Vec::new() };
        let newest = entry.newest.range((query.from, 0)..).rev();
        let actions = newest.map(|(_, key)| &entry.actions[key].1);
        actions.filter(|action| is_listed(action, query)).take(query.limit).cloned().collect()
    }

    pub(super) fn devices_of_key(&self, key: &CredentialKey) -> Vec<Device> {
        let mut devices = Vec::new();
        for (user, id) in self.bindings.get(key).into_iter().flatten() {
            let account = AccountKey { tenant: key.tenant.clone(), user: user.clone() };
            let entry = self.accounts.get(&account);
            devices
                .extend(entry.into_iter().flat_map(|e| &e.devices).find(|d| d.id == *id).cloned());
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
        let named = |(_, id, tenant): &Timed| &self.challenges[&(tenant.clone(), id.clone())];
        let due = self.due.iter().take_while(|(at, ..)| *at <= now).map(named);
        let held = self.held.iter().map(named);
        let held = held.filter(|c| c.expires_at > now && c.issued_at < held_before);
        due.chain(held).take(limit).cloned().collect()
    }

    pub(super) fn records(&self) -> impl Iterator<Item = Record> {
        let secrets = self.secrets.iter().map(|(tenant, key)| Record::Secret(tenant.clone(), *key));
        let accounts = self.accounts.iter().filter_map(|(key, entry)| {
            entry.record.clone().map(|record| Record::Account(key.clone(), record))
        });
        let entries = || self.accounts.values();
        let devices = entries().flat_map(|e| e.devices.iter().cloned().map(Record::Device));
        let actions = entries()
            .flat_map(|e| e.newest.values().map(|key| Record::Action(e.actions[key].1.clone())));
        let challenges = self.challenges.values().cloned().map(Record::Challenge);
        let latest = self.latest.map(Record::LatestTime);
        secrets.chain(accounts).chain(devices).chain(actions).chain(challenges).chain(latest)
    }

    pub(super) fn prune(
        &mut self,
        actions_before: UnixMillis,
        challenges_before: UnixMillis,
    ) -> u64 {
        let mut gone = 0;
        while self.tracked.first().is_some_and(|(at, ..)| *at < actions_before) {
            let (at, account, key) = self.tracked.pop_first().expect("there is a first");
            if let Some(entry) = self.accounts.get_mut(&account)
                && let Some((sequence, _)) = entry.actions.remove(&key)
            {
                entry.newest.remove(&(at, sequence));
            }
            gone += 1;
        }
        while self.ended.first().is_some_and(|(at, ..)| *at < challenges_before) {
            let (_, id, tenant) = self.ended.pop_first().expect("there is a first");
            self.challenges.remove(&(tenant, id));
            gone += 1;
        }
        gone
    }
}
