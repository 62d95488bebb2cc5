//! Clients of a run: backends that track, issue and cancel, browsers that poll, and phones that
//! decide.

use crate::call::{Call, Op, Told};
use crate::names;
use crate::queue::Event;
use crate::world::{NODES, World};

/// Time after which clients begin no further calls, in milliseconds.
const CLIENTS_END: u64 = 8_500;
const POLL_MS: u64 = 2_000;

impl World {
    /// Makes the next calls of a client after it received an answer.
    pub(crate) fn follow(&mut self, call: &Call, told: Told) {
        let host = self.rng.usize(0..NODES);
        match told {
            Told::Tracked(key) => self.call(host, call.user, Op::Issue(key)),
            Told::Issued(challenge) => {
                self.challenges.push((call.user, challenge.clone()));
                for _ in 0..self.rng.usize(1..3) {
                    let host = self.rng.usize(0..NODES);
                    let until = self.now + self.rng.u64(POLL_MS / 2..POLL_MS * 2);
                    self.call(host, call.user, Op::Poll(challenge.id.clone(), until));
                }
                // One challenge in three is cancelled at once, while its polls begin.
                if self.rng.u8(0..3) == 0 {
                    let host = self.rng.usize(0..NODES);
                    self.call(host, call.user, Op::Cancel(challenge.id.clone()));
                }
            }
            Told::Ended(_) | Told::Pending | Told::Refused | Told::Unavailable => {}
        }
    }

    fn call(&mut self, host: usize, user: usize, op: Op) {
        let call = Box::new(Call::new(self.fresh(), user, op, self.now));
        let time = self.hosts[host].asleep_until.max(self.now);
        self.at(time, Event::Call { host, call });
    }

    /// Makes a random call that depends on no answer, and schedules the next one.
    pub(crate) fn client(&mut self) {
        let (host, user) = (self.rng.usize(0..NODES), self.rng.usize(0..names::USERS));
        let recent = self.challenges.len().saturating_sub(4);
        let chosen = self.rng.usize(recent..=self.challenges.len());
        let chosen = self.challenges.get(chosen).cloned();
        match (self.rng.u8(0..10), chosen) {
            (0..4, _) | (_, None) => {
                let key = names::action_key(self.fresh());
                self.call(host, user, Op::Track(key));
            }
            (4..6, Some((user, challenge))) => {
                self.call(host, user, Op::Cancel(challenge.id.clone()))
            }
            (6..8, Some((user, challenge))) => {
                let decision = names::approved(user, &challenge);
                self.call(host, user, Op::Decide(decision));
            }
            (_, Some((user, challenge))) => {
                // Half of these polls do not wait.
                let until = self.now + if self.rng.bool() { POLL_MS } else { 0 };
                self.call(host, user, Op::Poll(challenge.id.clone(), until));
            }
        }
        if self.now < CLIENTS_END {
            self.after(5, 60, Event::Client);
        }
    }
}
