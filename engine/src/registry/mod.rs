//! Addresses of active actors by id: activation on demand, and a removal that loses no message.
//!
//! Each message is counted under the lock of its entry. An idle actor is removed under the same
//! lock, and only if the count is still the one that the sweep saw. So no message can have been
//! sent in between.

use std::hash::Hash;

use actix::{Actor, Addr, Context, Handler, Message};
use dashmap::DashMap;
use metrics::{Counter, Gauge, counter, gauge};

use crate::error::{Error, Unavailable};
use crate::permits::{Permit, Permits};
use crate::telemetry;

/// Message that asks an idle actor to stop. It may stop only if it has been sent exactly `seen`
/// messages, so that none is lost.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Leave {
    pub(crate) seen: u64,
}

struct Entry<A: Actor> {
    addr: Addr<A>,
    sent: u64,
    /// Value of `sent` at the last sweep.
    swept: u64,
    /// Permit of the actor, given back when the entry is removed.
    _permit: Permit,
}

impl<A: Actor<Context = Context<A>>> Entry<A> {
    fn send<M: Message<Result = ()> + Send + 'static>(&mut self, message: M)
    where
        A: Handler<M>,
    {
        self.sent += 1;
        self.addr.do_send(message);
    }
}

/// The active actors of one kind.
pub(crate) struct Registry<K, A: Actor> {
    active: Gauge,
    refused: Counter,
    entries: DashMap<K, Entry<A>>,
    /// Permits for actors, which the registries of all kinds share.
    permits: Permits,
}

impl<K, A> Registry<K, A>
where
    K: Clone + Eq + Hash,
    A: Actor<Context = Context<A>> + Handler<Leave>,
{
    pub(crate) fn new(kind: &'static str, permits: Permits) -> Self {
        let active = gauge!(telemetry::ACTORS, "kind" => kind);
        let refused = counter!(telemetry::ACTIVATIONS_REFUSED);
        Self { active, refused, entries: DashMap::new(), permits }
    }

    /// Sends a message to an actor, which is activated first if it is not active. `activate` runs
    /// under the lock of a shard, so it must not use this registry.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the actor is not active and the maximum number of actors is.
    pub(crate) fn send<M>(
        &self,
        key: &K,
        message: M,
        activate: impl FnOnce() -> Addr<A>,
    ) -> Result<(), Error>
    where
        M: Message<Result = ()> + Send + 'static,
        A: Handler<M>,
    {
        let mut entry = match self.entries.get_mut(key) {
            Some(entry) => entry,
            None => self.entries.entry(key.clone()).or_try_insert_with(|| {
                let permit = self.permits.take().ok_or_else(|| {
                    self.refused.increment(1);
                    Error::from(Unavailable::Activations)
                })?;
                self.active.increment(1);
                Ok::<_, Error>(Entry { addr: activate(), sent: 0, swept: 0, _permit: permit })
            })?,
        };
        entry.send(message);
        Ok(())
    }

    /// Sends a message if the actor is active. An actor that is not active needs no message,
    /// because it reads the same state from the store when it is activated.
    pub(crate) fn tell<M>(&self, key: &K, message: M)
    where
        M: Message<Result = ()> + Send + 'static,
        A: Handler<M>,
    {
        if let Some(mut entry) = self.entries.get_mut(key) {
            entry.send(message);
        }
    }

    /// Sends a message to every active actor.
    pub(crate) fn tell_all<M>(&self, message: impl Fn() -> M)
    where
        M: Message<Result = ()> + Send + 'static,
        A: Handler<M>,
    {
        for mut entry in self.entries.iter_mut() {
            entry.send(message());
        }
    }

    /// Asks every actor to stop that has been sent no message since the last sweep.
    pub(crate) fn sweep(&self) {
        for mut entry in self.entries.iter_mut() {
            if entry.sent == entry.swept {
                entry.addr.do_send(Leave { seen: entry.sent });
            }
            entry.swept = entry.sent;
        }
    }

    /// Asks an actor to stop after it has handled the messages in its mailbox.
    pub(crate) fn dismiss(&self, key: &K) {
        if let Some(entry) = self.entries.get(key) {
            entry.addr.do_send(Leave { seen: entry.sent });
        }
    }

    /// Removes an actor if it has been sent exactly `seen` messages. Returns true if it was
    /// removed; only then may the actor stop.
    pub(crate) fn leave(&self, key: &K, seen: u64) -> bool {
        let left = self.entries.remove_if(key, |_, entry| entry.sent == seen).is_some();
        if left {
            self.active.decrement(1);
        }
        left
    }

    /// Removes a stopped actor. Messages in its mailbox are lost, and callers that wait for their
    /// answers get an error.
    pub(crate) fn stopped(&self, key: &K, addr: &Addr<A>) {
        if self.entries.remove_if(key, |_, entry| entry.addr == *addr).is_some() {
            self.active.decrement(1);
        }
    }

    /// Returns the number of messages that were sent to an active actor.
    #[cfg(test)]
    pub(crate) fn sent(&self, key: &K) -> u64 {
        self.entries.get(key).map_or(0, |entry| entry.sent)
    }

    /// Returns the number of active actors.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests;
