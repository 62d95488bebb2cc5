//! Undelivered events, by name and by due time.

use std::collections::{BTreeSet, HashMap};

use countersign_core::event::Event;
use countersign_core::id::{AccountKey, EventId};
use countersign_core::time::UnixMillis;

#[derive(Default)]
pub(super) struct Outbox {
    events: HashMap<(EventId, AccountKey), Event>,
    due: BTreeSet<(UnixMillis, EventId, AccountKey)>,
}

impl Outbox {
    pub(super) fn put(&mut self, event: Event) {
        self.remove(&event.account, &event.id);
        self.due.insert((event.due_at, event.id.clone(), event.account.clone()));
        self.events.insert((event.id.clone(), event.account.clone()), event);
    }

    pub(super) fn put_off(&mut self, event: &Event) {
        if self.events.contains_key(&(event.id.clone(), event.account.clone())) {
            self.put(event.clone());
        }
    }

    pub(super) fn remove(&mut self, account: &AccountKey, id: &EventId) {
        if let Some(event) = self.events.remove(&(id.clone(), account.clone())) {
            self.due.remove(&(event.due_at, event.id, event.account));
        }
    }

    pub(super) fn due(&self, now: UnixMillis, limit: usize) -> Vec<Event> {
        let due = self.due.iter().take_while(|(at, ..)| *at <= now).take(limit);
        due.map(|(_, id, account)| self.events[&(id.clone(), account.clone())].clone()).collect()
    }
}
