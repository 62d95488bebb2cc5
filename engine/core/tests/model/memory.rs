//! What memory hears of what is recorded: accounts apply it, machines close, inboxes fill and
//! empty.

use std::sync::Arc;

use countersign_core::account::Account;
use countersign_core::challenge::{Challenge, Machine};
use countersign_core::change::{Change, Write};
use countersign_core::inbox::Offer;

use crate::event::Event;
use crate::names::{KEYS, account_key, authenticator_id, challenge_id, public_key, user_of};
use crate::world::World;

impl World {
    /// Carries a recorded change out in memory.
    pub(crate) fn tell(&mut self, change: &Change, event: &Event) {
        let user = event.user();
        for write in &change.writes {
            match write {
                Write::Account(_) | Write::Action(_) | Write::Event(_) => {}
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
    }

    /// Tells the challenge's machine and the inboxes what is recorded of it.
    fn show(&mut self, challenge: &Challenge) {
        let number = (0..self.next + 1).find(|n| challenge_id(*n) == challenge.id).unwrap();
        let machine =
            self.machines.entry(number).or_insert_with(|| Machine::new(challenge.clone()));
        if let Some(ended) = &challenge.ended {
            machine.settle(ended.clone());
            return self.inboxes.iter_mut().for_each(|inbox| inbox.withdraw(&challenge.id));
        }
        machine.amend(challenge.clone());
        let key = (challenge.account.clone(), challenge.action.clone());
        let Some(action) = self.store.actions.get(&key) else { return };
        let challenge = Arc::new(challenge.clone());
        let offer = Offer { challenge, action: Arc::new(action.clone()), user_custom: None };
        for inbox in &mut self.inboxes {
            inbox.offer(offer.clone());
        }
    }

    /// Reads a user again from the store.
    pub(crate) fn catch_up(&mut self, user: usize) {
        if !std::mem::take(&mut self.stale[user]) {
            return;
        }
        let key = account_key(user);
        self.accounts[user] = Account::restore(key.clone(), self.store.snapshot(&key));
        for inbox in &mut self.inboxes {
            let bound: Vec<_> = inbox.binding_of(&key).into_iter().map(|b| b.id.clone()).collect();
            bound.iter().for_each(|id| inbox.unbind(id));
        }
        for device in self.accounts[user].devices() {
            let key = (0..KEYS).find(|key| public_key(*key) == device.key).unwrap();
            self.inboxes[key].bind(device.clone());
        }
        let of_user = |c: &&Challenge| user_of(&c.account) == user;
        let recorded: Vec<_> = self.store.challenges.values().filter(of_user).cloned().collect();
        recorded.iter().for_each(|challenge| self.show(challenge));
    }
}
