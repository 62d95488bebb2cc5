//! The tested side of the model: accounts, challenges and inboxes in memory, as the engine keeps
//! them, and a store.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use countersign_core::account::{Account, Evidence, Issue, ProfilePatch, Track};
use countersign_core::action::{Action, ActionContext};
use countersign_core::challenge::Challenge;
use countersign_core::change::Change;
use countersign_core::decision::VerifiedDecision;
use countersign_core::inbox::Inbox;
use countersign_core::number_match::Seed;
use countersign_core::policy::{Limits, Unenrolled};
use countersign_core::refusal::Refusal;
use countersign_core::time::UnixMillis;

use crate::event::Event;
use crate::names::{
    ActionName, KEYS, USERS, account_key, action_key, authenticator_id, challenge_id, enroll_of,
    limits, shown,
};
use crate::reference::Reference;
use crate::store::{Committed, Store};

/// Result of an event in the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Done,
    Refused(Refusal),
    /// The commit did not reach the store. Nothing has changed, and the caller does not know this.
    Lost,
    /// Memory was stale, so both acceptance and refusal of the decision are correct.
    Unsure,
}

/// A phone's decision with a valid signature, which the account has not handled yet.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    pub(crate) challenge: usize,
    pub(crate) device: usize,
    pub(crate) approve: bool,
    pub(crate) at: UnixMillis,
    pub(crate) decision: VerifiedDecision,
}

/// A change whose commit was lost and may still reach the store.
#[derive(Clone, Debug)]
pub(crate) struct LostChange {
    change: Change,
    pub(crate) event: Event,
    pub(crate) at: UnixMillis,
    /// The user's version in the reference model when the change was made.
    pub(crate) version: u64,
}

pub(crate) struct World {
    pub(crate) now: UnixMillis,
    pub(crate) store: Store,
    pub(crate) accounts: Vec<Account>,
    /// The copies of challenges that waiting polls have.
    pub(crate) told: BTreeMap<usize, Arc<Challenge>>,
    pub(crate) inboxes: Vec<Inbox>,
    pub(crate) arrived: Vec<Arrived>,
    pub(crate) lost: Vec<LostChange>,
    /// True for each user of whom the store has a change that memory lacks.
    pub(crate) stale: [bool; USERS],
    /// Every device that ever existed, and the key of each.
    pub(crate) devices: Vec<usize>,
    pub(crate) keys: BTreeMap<usize, usize>,
    /// Number of the next challenge or device.
    pub(crate) next: usize,
    pub(crate) reached: BTreeSet<&'static str>,
    /// The highest time so far, which a store keeps across restarts.
    pub(crate) latest: UnixMillis,
    last: Option<Change>,
    limits: Limits,
}

type Made = Result<Option<Change>, Refusal>;

impl World {
    pub(crate) fn new() -> Self {
        let account = |user| {
            Account::restore(account_key(user), Store::default().snapshot(&account_key(user)))
        };
        Self {
            now: UnixMillis(1_735_689_600_000),
            latest: UnixMillis(1_735_689_600_000),
            last: None,
            store: Store::default(),
            accounts: (0..USERS).map(account).collect(),
            told: BTreeMap::new(),
            inboxes: vec![Inbox::new(&limits()); KEYS],
            arrived: Vec::new(),
            lost: Vec::new(),
            stale: [false; USERS],
            devices: Vec::new(),
            keys: BTreeMap::new(),
            next: 1,
            reached: BTreeSet::new(),
            limits: limits(),
        }
    }

    pub(crate) fn carry_out(
        &mut self,
        event: &Event,
        lost: bool,
        reference: &Reference,
    ) -> Verdict {
        match event {
            Event::Pass(ms) => {
                self.now = self.now.plus_ms(*ms);
                self.latest = self.latest.max(self.now);
            }
            Event::Answer { .. } => return self.answer(event, reference),
            Event::Late(_) | Event::Repeat | Event::Crash { .. } => {
                unreachable!("handled by the caller")
            }
            Event::Track(_)
            | Event::Issue { .. }
            | Event::Notify { .. }
            | Event::Withdraw { .. }
            | Event::Release { .. }
            | Event::Decide { .. }
            | Event::End { .. }
            | Event::Expire { .. }
            | Event::Override { .. }
            | Event::Enroll { .. }
            | Event::RemoveDevice { .. }
            | Event::RemoveUser(_) => return self.commit(event, lost, reference),
        }
        Verdict::Done
    }

    /// Commits a lost change late. Returns true if the store records it.
    pub(crate) fn arrives(&mut self, late: &LostChange) -> bool {
        let recorded = self.store.commit(&late.change) == Committed::Recorded;
        if recorded {
            self.stale[late.event.user()] = true;
            self.last = Some(late.change.clone());
            self.reached.insert("a late commit");
        }
        recorded
    }

    /// Commits the last recorded change a second time, as a client does after a lost reply, and
    /// checks that the store refuses it.
    pub(crate) fn repeat(&mut self) {
        let Some(change) = &self.last else { return };
        let repeated = self.store.commit(change);
        assert_ne!(repeated, Committed::Recorded, "a commit is recorded once");
        self.reached.insert("a repeated commit");
    }

    /// Kills the process and starts another one, which has only the store's records. Commits that
    /// were under way never arrive.
    pub(crate) fn crash(&mut self, back_ms: u64) {
        self.told.clear();
        self.arrived.clear();
        self.lost.clear();
        self.inboxes = vec![Inbox::new(&self.limits); KEYS];
        self.stale = [true; USERS];
        (0..USERS).for_each(|user| self.catch_up(user));
        self.now = self.now.minus_ms(back_ms);
        self.reached.insert("a crash");
    }

    /// Makes the change of an event and commits it. A `lost` commit does not reach the store now,
    /// but may arrive later. If memory is behind the store, the function reads the user again and
    /// retries.
    fn commit(&mut self, event: &Event, lost: bool, reference: &Reference) -> Verdict {
        let user = event.user();
        if lost {
            self.catch_up(user);
        }
        if matches!(event, Event::Enroll { .. }) {
            // An enrollment depends on the key's bindings in all accounts.
            (0..USERS).for_each(|user| self.catch_up(user));
        }
        let verdict = loop {
            match self.make(event) {
                Ok(None) | Err(_) if self.stale[user] => self.catch_up(user),
                Ok(None) => break Verdict::Done,
                Err(refusal) => break Verdict::Refused(refusal),
                Ok(Some(change)) if lost => {
                    self.lose(change, event, reference.version(user));
                    break Verdict::Lost;
                }
                Ok(Some(change)) => match self.store.commit(&change) {
                    Committed::Recorded => {
                        assert!(!self.stale[user], "a change made from an old state is recorded");
                        self.tell(&change, event);
                        if let Event::Notify { .. } = event {
                            self.reached.insert("an offer");
                        }
                        if let Event::Enroll { key, raise: true, .. } = event {
                            self.raise_others(*key, event);
                        }
                        self.last = Some(change);
                        break Verdict::Done;
                    }
                    Committed::Stale | Committed::Ended => {
                        assert!(self.stale[user], "memory is behind although it has heard of all");
                        self.reached.insert("a stale commit");
                        self.catch_up(user);
                    }
                },
            }
        };
        self.conclude(event, &verdict);
        verdict
    }

    /// Keeps a lost change, so that it may arrive later. A lost enrollment is not kept, because its
    /// check of the key's users concerns several accounts, and a revision guards one account only.
    fn lose(&mut self, change: Change, event: &Event, version: u64) {
        self.reached.insert("a lost commit");
        if !matches!(event, Event::Enroll { .. }) {
            let (event, at) = (event.clone(), self.now);
            self.lost.push(LostChange { change, event, at, version });
        }
    }

    fn make(&self, event: &Event) -> Made {
        let (account, now) = (&self.accounts[event.user()], self.now);
        let change = match event {
            Event::Track(action) => {
                let (context, profile) = (ActionContext::default(), ProfilePatch::default());
                let track = Track { key: action_key(*action), context, profile };
                let known = self.action(*action);
                let (made, _) = account.track(&track, known, Unenrolled::Allow, now)?;
                return Ok(made.map(|t| t.change));
            }
            Event::Issue { challenge, action, target, supersede, held } => {
                let (id, target) = (challenge_id(*challenge), target.map(authenticator_id));
                let (supersede, held, number_seed) = (*supersede, *held, Seed::default());
                let issue =
                    Issue { id, target, supersede, held, shown: shown(*challenge), number_seed };
                account.issue(&issue, self.action(*action).unwrap(), now, &self.limits)?.change
            }
            Event::Notify { challenge, .. } => {
                account.notify(&challenge_id(*challenge), &self.limits)?.change
            }
            Event::Withdraw { challenge, .. } => {
                account.withdraw(&challenge_id(*challenge), now)?.change
            }
            Event::Release { challenge, .. } => account.release(&challenge_id(*challenge))?.change,
            Event::Decide { arrived: Arrived { challenge, decision, at, .. }, .. } => {
                if account.open_challenge(decision.challenge()).is_none() {
                    let recorded = &self.store.challenges[decision.challenge()];
                    let repeated = recorded.repeated(decision);
                    return repeated.unwrap_or(Err(Refusal::ChallengeEnded)).map(|_| None);
                }
                let judged = account.decide(decision, *at, &self.limits)?;
                judged.settle(self.action_of(*challenge), Evidence::default())?.change
            }
            Event::End { challenge, outcome, at, .. } => {
                let action = self.action_of(*challenge);
                account.end(&challenge_id(*challenge), *outcome, *at, action)?.change
            }
            Event::Expire { challenge, .. } => {
                let made = account.expire(&challenge_id(*challenge), now, &self.limits);
                return Ok(made.map(|t| t.change));
            }
            Event::Override { action, state } => {
                account.override_action(self.action(*action).unwrap(), *state, now).change
            }
            Event::Enroll { device, key, may_add, raise, .. } => {
                let enroll = enroll_of(*key, *may_add, *raise);
                self.inboxes[*key].admit(account.key(), enroll.signing)?;
                account.enroll(&enroll, authenticator_id(*device), now, &self.limits)?.change
            }
            Event::RemoveDevice { device, .. } => {
                account.remove_device(&authenticator_id(*device), now)?.change
            }
            Event::RemoveUser(_) => return Ok(account.remove(now).map(|t| t.change)),
            Event::Answer { .. }
            | Event::Pass(_)
            | Event::Late(_)
            | Event::Repeat
            | Event::Crash { .. } => unreachable!("makes no change"),
        };
        Ok(Some(change))
    }

    fn action(&self, action: ActionName) -> Option<&Arc<Action>> {
        self.store.actions.get(&(account_key(action.user), action_key(action)))
    }

    /// Returns the recorded action of a challenge.
    fn action_of(&self, challenge: usize) -> Option<&Action> {
        let challenge = self.store.challenges.get(&challenge_id(challenge))?;
        let name = (challenge.account.clone(), challenge.action.clone());
        self.store.actions.get(&name).map(Arc::as_ref)
    }

    /// Updates the world after an event: it counts up the next number, and removes handled
    /// decisions and lost changes of a removed user.
    fn conclude(&mut self, event: &Event, verdict: &Verdict) {
        match event {
            Event::Issue { .. } | Event::Enroll { .. } => self.next += 1,
            Event::Decide { arrived, .. } => {
                let same = |a: &Arrived| {
                    (a.challenge, a.device, a.approve)
                        == (arrived.challenge, arrived.device, arrived.approve)
                };
                self.arrived.retain(|a| !(same(a) && a.at == arrived.at));
            }
            Event::RemoveUser(user) if *verdict == Verdict::Done => {
                self.lost.retain(|late| late.event.user() != *user);
            }
            Event::Track(_)
            | Event::Notify { .. }
            | Event::Withdraw { .. }
            | Event::Release { .. }
            | Event::Answer { .. }
            | Event::End { .. }
            | Event::Pass(_)
            | Event::Expire { .. }
            | Event::Override { .. }
            | Event::RemoveDevice { .. }
            | Event::RemoveUser(_)
            | Event::Late(_)
            | Event::Repeat
            | Event::Crash { .. } => {}
        }
    }
}
