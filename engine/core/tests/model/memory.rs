//! Effects of a recorded commit on the accounts, challenges and inboxes in memory.

use std::sync::Arc;

use countersign_core::account::Account;
use countersign_core::challenge::Challenge;
use countersign_core::change::{Change, Transition, Write};
use countersign_core::device::Signing;
use countersign_core::inbox::{Inbox, Offer};

use crate::event::Event;
use crate::names::{
    KEYS, USERS, account_key, authenticator_id, challenge_id, limits, public_key, user_of,
};
use crate::store::Committed;
use crate::world::World;

impl World {
    /// Applies a recorded change to the account, the challenges and the inboxes in memory.
    pub(crate) fn tell(&mut self, change: &Change, event: &Event) {
        let user = user_of(&change.account);
        for write in &change.writes {
            match write {
                Write::Account(_) | Write::Track(_) | Write::Action(_) | Write::Event(_) => {}
                Write::RemoveAccount => {
                    for device in self.accounts[user].devices() {
                        self.inboxes.iter_mut().for_each(|inbox| inbox.unbind(&device.id));
                    }
                }
                Write::Challenge(challenge) => self.show(challenge),
                Write::Device(device) => {
                    let key = (0..KEYS).find(|key| public_key(*key) == device.key).unwrap();
                    if let Event::Enroll { device: number, .. } = event
                        && device.id == authenticator_id(*number)
                    {
                        self.devices.push(*number);
                        self.keys.insert(*number, key);
                    }
                    self.inboxes[key].bind(device.clone());
                }
                Write::RemoveDevice(id) => {
                    self.inboxes.iter_mut().for_each(|inbox| inbox.unbind(id));
                }
            }
        }
        self.accounts[user].apply(change);
        for key in 0..KEYS {
            if self.inboxes[key].is_crowded() {
                self.reload(key);
            }
        }
    }

    /// Raises a key's signing mode for its other users, after it was raised for one user.
    pub(crate) fn raise_others(&mut self, key: usize, event: &Event) {
        for user in 0..USERS {
            let account = &self.accounts[user];
            let Some(device) = account.devices().iter().find(|d| d.key == public_key(key)) else {
                continue;
            };
            let raised = account.raise_signing(&device.id, Signing::StatementV1).unwrap();
            let Some(Transition { change, .. }) = raised else { continue };
            assert_eq!(self.store.commit(&change), Committed::Recorded);
            self.tell(&change, event);
            self.reached.insert("a key that rose for another user");
        }
    }

    /// Rebuilds the inbox of a key from the store, because a place may have become free.
    fn reload(&mut self, key: usize) {
        self.reached.insert("a binding without a place");
        let mut inbox = Inbox::new(&limits());
        let devices = self.store.accounts.values().flat_map(|a| &a.devices);
        devices.filter(|d| d.key == public_key(key)).for_each(|d| inbox.bind(d.clone()));
        for challenge in self.store.open() {
            let name = (challenge.account.clone(), challenge.action.clone());
            let Some(action) = self.store.actions.get(&name) else { continue };
            let (challenge, action) = (challenge.clone(), action.clone());
            inbox.offer(Offer { challenge, action, user_custom: None });
        }
        self.inboxes[key] = inbox;
    }

    /// Updates the copy of a recorded challenge in `told`, and adds the challenge to the inboxes,
    /// or removes it if it has ended.
    fn show(&mut self, challenge: &Arc<Challenge>) {
        let number = (0..self.next + 1).find(|n| challenge_id(*n) == challenge.id).unwrap();
        self.told.entry(number).or_insert_with(|| challenge.clone()).learn(challenge.clone());
        if challenge.ended.is_some() {
            return self.inboxes.iter_mut().for_each(|inbox| inbox.withdraw(&challenge.id));
        }
        let key = (challenge.account.clone(), challenge.action.clone());
        let Some(action) = self.store.actions.get(&key) else { return };
        let (challenge, action) = (challenge.clone(), action.clone());
        let offer = Offer { challenge, action, user_custom: None };
        for inbox in &mut self.inboxes {
            inbox.offer(offer.clone());
        }
    }

    /// Reads a user from the store again, if memory is stale.
    pub(crate) fn catch_up(&mut self, user: usize) {
        if !std::mem::take(&mut self.stale[user]) {
            return;
        }
        let key = account_key(user);
        self.accounts[user] = Account::restore(key.clone(), self.store.snapshot(&key));
        for inbox in &mut self.inboxes {
            let bound: Vec<_> = inbox
                .bindings()
                .iter()
                .filter(|b| b.account == key)
                .map(|b| b.id.clone())
                .collect();
            bound.iter().for_each(|id| inbox.unbind(id));
        }
        for device in self.accounts[user].devices() {
            let key = (0..KEYS).find(|key| public_key(*key) == device.key).unwrap();
            self.inboxes[key].bind(device.clone());
        }
        let of_user = |c: &&Arc<Challenge>| user_of(&c.account) == user;
        let recorded: Vec<_> = self.store.challenges.values().filter(of_user).cloned().collect();
        recorded.iter().for_each(|challenge| self.show(challenge));
    }
}
